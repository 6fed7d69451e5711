import { expect, test } from 'vitest';
import type { Message } from './message.ts';
import { RetainedMessages } from './retained.ts';
import { Table } from './table.ts';

const nothing = () => {};
const IN_MEMORY = {
  disk: undefined,
  onFailure: nothing,
  onRecovery: nothing,
  onDamage: nothing,
  memoryBytes: 0,
};

function filled(count: number, table = new Table(IN_MEMORY)): RetainedMessages {
  const retained = new RetainedMessages(table, { messages: count, bytes: count * 1000 }, () =>
    expect.unreachable('no room'),
  );
  for (let n = 0; n < count; n++) {
    retained.store({ topic: `site/${n}`, payload: Buffer.from('x'), qos: 0, retain: true });
  }
  return retained;
}

async function count(messages: AsyncIterable<Message>): Promise<number> {
  let found = 0;
  for await (const _ of messages) found++;
  return found;
}

/** Turns of the event loop until all is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  void work.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  return turns;
}

test.each(['#', '+/none'])(
  'SUBSCRIBE to %s over thousands of retained messages holds nobody up',
  async (filter) => {
    const retained = filled(2000);
    const found = count(retained.matching([filter]));
    expect(await turnsDuring(found)).toBeGreaterThan(10);
    expect(await found).toBe(filter === '#' ? 2000 : 0);
  },
);

test('many who SUBSCRIBE at once share the turns, so that ten take no more of one than one does', async () => {
  const retained = filled(2000);
  const one = await turnsDuring(count(retained.matching(['+/none'])));
  const ten = await turnsDuring(
    Promise.all(Array.from({ length: 10 }, () => count(retained.matching(['+/none'])))),
  );
  expect(ten).toBeGreaterThan(one * 7);
});

/** Counts the values that are read. */
class CountingTable extends Table {
  reads = 0;

  override get(key: string): Buffer | undefined {
    this.reads++;
    return super.get(key);
  }

  override range(start: string, end: string, limit: number): [string, Buffer][] {
    const rows = super.range(start, end, limit);
    this.reads += rows.length;
    return rows;
  }
}

test('a subscriber that takes retained messages slowly holds one and not a page: a dozen that took none of a few large ones held 700 MB', async () => {
  const table = new CountingTable(IN_MEMORY);
  const retained = filled(1000, table);
  table.reads = 0;
  const messages = retained.matching(['#']);
  for (let taken = 1; taken <= 3; taken++) {
    expect((await messages.next()).done).toBe(false);
    expect(table.reads).toBe(taken);
  }
  retained.store({ topic: 'site/0', payload: Buffer.alloc(0), qos: 0, retain: true });
  expect(String(retained.payloadOf('site/1'))).toBe('x');
  expect(String(retained.payloadOf('site/0'))).toBe('');
});
