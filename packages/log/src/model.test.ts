import { readBatchHeader } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { makeBatch } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';
import { playCleaning } from './test-play.ts';

/** A partition as a list in memory: what the store must look like, flushed. */
interface Model {
  name: string;
  start: number;
  end: number;
  batches: { baseOffset: number; count: number; timestamp: number; bytes: Buffer }[];
  tail: { baseOffset: number; recordCount: number; text: string }[];
}

const NAMES = ['a', 'b'];

const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      log: fc.nat(1),
      count: fc.integer({ min: 1, max: 4 }),
      valueBytes: fc.oneof(fc.nat(50), fc.nat(3000)),
      timestamp: fc.integer({ min: 1000, max: 2000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('stage' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('seal' as const), chunks: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('trim' as const),
      log: fc.nat(1),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('state' as const),
      key: fc.constantFrom('k', 'l', 'é'),
      value: fc.option(fc.string({ maxLength: 9 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recreate' as const), log: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clean' as const), wait: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      log: fc.nat(1),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      maxBytes: fc.nat(9000),
      timestamp: fc.integer({ min: 990, max: 2010 }),
    }),
  },
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

class World {
  store!: LogStore;
  readonly dir = tempDir();
  readonly logs: Model[] = NAMES.map((name) => emptyModel(name));
  /** Never appended to otherwise, so that it can have an open tail. */
  readonly edge = emptyModel('edge');
  readonly state = new Map<string, string>();
  readonly #journalBytes: number;

  constructor(journalBytes: number) {
    this.#journalBytes = journalBytes;
  }

  async open(): Promise<void> {
    const journalBytes = this.#journalBytes;
    this.store = await openLogStore({ dir: this.dir, segmentBytes: 6000, journalBytes });
    for (const { name } of this.models()) this.store.createPartition(name);
  }

  models(): Model[] {
    return [...this.logs, this.edge];
  }

  log(model: Model): PartitionLog {
    return this.store.partition(model.name)!;
  }

  async run(op: Operation): Promise<void> {
    switch (op.kind) {
      case 'append': {
        const model = this.logs[op.log]!;
        const { batch, header } = makeBatch(op);
        const result = this.log(model).append(batch, header, { leaderEpoch: 0, offsets: 'assign' });
        expect(result).toMatchObject({ ok: true, baseOffset: model.end });
        model.batches.push({ baseOffset: model.end, count: op.count, timestamp: op.timestamp, bytes: batch });
        model.end += op.count;
        return;
      }
      case 'stage': {
        const baseOffset = tailEnd(this.edge);
        const text = `${baseOffset}+${op.count}`;
        const chunk = { baseOffset, recordCount: op.count, bytes: Buffer.from(text) };
        void this.log(this.edge).stage(chunk);
        this.edge.tail.push({ baseOffset, recordCount: op.count, text });
        return;
      }
      case 'seal': {
        const covered = this.edge.tail.splice(0, op.chunks);
        if (covered.length === 0) return;
        const count = covered.reduce((sum, chunk) => sum + chunk.recordCount, 0);
        const { batch, header } = makeBatch({ baseOffset: this.edge.end, count, timestamp: 1500 });
        expect(this.log(this.edge).seal(batch, header).ok).toBe(true);
        this.edge.batches.push({ baseOffset: this.edge.end, count, timestamp: 1500, bytes: batch });
        this.edge.end += count;
        return;
      }
      case 'trim': {
        const model = this.logs[op.log]!;
        model.start += Math.floor(op.share * (model.end - model.start));
        this.log(model).advanceLogStart(model.start);
        return;
      }
      case 'state':
        if (op.value === null) this.state.delete(op.key);
        else this.state.set(op.key, op.value);
        if (op.value === null) this.store.state.delete(op.key);
        else this.store.state.put(op.key, Buffer.from(op.value));
        return;
      case 'recreate':
        this.store.deletePartition(NAMES[op.log]!);
        this.store.createPartition(NAMES[op.log]!);
        this.logs[op.log] = emptyModel(NAMES[op.log]!);
        return;
      case 'flush':
        return this.store.flushed();
      case 'clean':
        return playCleaning(this.store, op.wait);
      case 'reopen':
        await this.store.close();
        return this.open();
      case 'look':
        await this.store.flushed();
        return this.look(this.logs[op.log]!, op);
    }
  }

  look(model: Model, at: { share: number; maxBytes: number; timestamp: number }): void {
    const log = this.log(model);
    const offset = model.start + Math.floor(at.share * (model.end - model.start));
    const expected: Buffer[] = [];
    let size = 0;
    for (const batch of model.batches) {
      if (batch.baseOffset + batch.count <= offset) continue;
      if (expected.length > 0 && size + batch.bytes.length > at.maxBytes) break;
      expected.push(batch.bytes);
      size += batch.bytes.length;
      if (size > at.maxBytes) break;
    }
    expect(log.read(offset, { maxBytes: at.maxBytes })).toEqual({ batches: expected, sizeBytes: size });

    let first: { offset: number; timestamp: number } | undefined;
    for (const { baseOffset, count, timestamp } of model.batches) {
      for (let i = 0; i < count && first === undefined; i++) {
        if (baseOffset + i < model.start || timestamp + i < at.timestamp) continue;
        first = { offset: baseOffset + i, timestamp: timestamp + i };
      }
    }
    expect(log.offsetForTimestamp(at.timestamp)).toEqual(first);

    const ending = model.batches.find((batch) => batch.baseOffset + batch.count - 1 === offset);
    expect(log.batchEndingAt(offset)).toEqual(ending && readBatchHeader(ending.bytes));
    const from = model.batches.findIndex((batch) => batch.baseOffset + batch.count > offset);
    const exact = from < 0 ? 0 : model.batches.slice(from).reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(log.sizeBytesFrom(offset)).toBeGreaterThanOrEqual(exact);
  }

  /** Everything at once, after a reopen. */
  checkAll(): void {
    for (const model of this.models()) {
      const log = this.log(model);
      expect([log.logStartOffset, log.logEndOffset, log.flushedEndOffset, log.tailEndOffset]).toEqual([
        model.start,
        model.end,
        model.end,
        tailEnd(model),
      ]);
      const live = model.batches.filter((batch) => batch.baseOffset + batch.count > model.start);
      expect(log.read(model.start, { maxBytes: 2 ** 30 }).batches).toEqual(live.map(({ bytes }) => bytes));
      expect(log.tail().map(({ bytes }) => bytes.toString())).toEqual(model.tail.map(({ text }) => text));
    }
    expect([...this.store.state.entries('')].map(([key, value]) => [key, value.toString()]).sort()).toEqual(
      [...this.state].sort(),
    );
  }
}

function emptyModel(name: string): Model {
  return { name, start: 0, end: 0, batches: [], tail: [] };
}

function tailEnd(model: Model): number {
  const last = model.tail.at(-1);
  return last === undefined ? model.end : last.baseOffset + last.recordCount;
}

const operations = fc.array(operation, { minLength: 5, maxLength: 120 });

test('a store behaves like lists in memory, over rolls, trims, deletions and reopens', async () => {
  await fc.assert(
    fc.asyncProperty(operations, fc.constantFrom(0, 16_384), async (operations, journalBytes) => {
      const world = new World(journalBytes);
      await world.open();
      for (const op of operations) await world.run(op);
      await world.store.close();
      await world.open();
      world.checkAll();
      await world.store.close();
    }),
    { numRuns: 60 },
  );
});
