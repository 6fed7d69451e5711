import { expect, test } from 'vitest';
import type { Message } from './message.ts';
import { RetainedMessages } from './retained.ts';
import { Table } from './table.ts';

function filled(count: number): RetainedMessages {
  const nothing = () => {};
  const table = new Table({
    disk: undefined,
    onFailure: nothing,
    onRecovery: nothing,
    onDamage: nothing,
    memoryBytes: 0,
  });
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
