import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { tempDir } from './test-dirs.ts';
import { appendKeyed, consume, EAGER_POLICY, type KeyedWrite } from './test-keyed-log.ts';
import { play } from './test-play.ts';

/** A record of a compacted log as a list in memory holds it. */
interface ModelRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly appendedAt: number;
  /** Of a tombstone: when a pass first met it. */
  cleanedAt?: number;
}

interface Model {
  start: number;
  end: number;
  records: ModelRecord[];
}

const NAMES = ['a', 'b'];
const DELETE_RETENTION_MS = 50;

const write = fc.tuple(
  fc.option(fc.constantFrom('k', 'l', 'm', 'n', ''), { nil: null, freq: 9 }),
  fc.option(fc.string({ maxLength: 8 }), { nil: null, freq: 3 }),
);
const log = fc.nat(NAMES.length - 1);
const operation = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      log,
      writes: fc.array(write, { minLength: 1, maxLength: 5 }),
      padding: fc.nat(1500),
      codec: fc.constantFrom('none' as const, 'snappy' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      minLagMs: fc.constantFrom(0, 0, 20),
      mapBytesMax: fc.constantFrom(400, 2 ** 20),
      rollBytes: fc.constantFrom(1, 1000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const), log, share: fc.nat(100) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('truncate' as const),
      log,
      share: fc.integer({ min: 50, max: 100 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clean' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

class World {
  store!: LogStore;
  now = 10_000;
  readonly dir = tempDir();
  readonly models: Model[] = NAMES.map(() => ({ start: 0, end: 0, records: [] }));

  readonly #journalBytes: number;

  constructor(journalBytes: number) {
    this.#journalBytes = journalBytes;
  }

  async open(): Promise<void> {
    const { dir } = this;
    const journalBytes = this.#journalBytes;
    this.store = await openLogStore({ dir, segmentBytes: 5000, now: () => this.now, journalBytes });
    for (const name of NAMES) this.store.createPartition(name);
  }

  log(index: number): PartitionLog {
    return this.store.partition(NAMES[index]!)!;
  }

  async run(op: Operation): Promise<void> {
    switch (op.kind) {
      case 'append':
        await this.#append(op);
        return;
      case 'compact':
        await this.#compact(op);
        return;
      case 'wait':
        this.now += op.ms;
        return;
      case 'trim': {
        const model = this.models[op.log]!;
        model.start += Math.floor((op.share / 100) * (model.end - model.start));
        this.log(op.log).advanceLogStart(model.start);
        return;
      }
      case 'truncate': {
        const model = this.models[op.log]!;
        const asked = model.start + Math.floor((op.share / 100) * (model.end - model.start));
        model.end = this.log(op.log).truncate(asked);
        expect(model.end).toBeLessThanOrEqual(asked);
        model.records = model.records.filter(({ offset }) => offset < model.end);
        return;
      }
      case 'clean':
        expect((await this.store.clean({ deadShare: 0.1 })).filter((one) => 'error' in one)).toEqual([]);
        return;
      case 'reopen':
        await this.store.close();
        await this.open();
    }
  }

  async #append({ log, writes, padding, codec }: Operation & { kind: 'append' }): Promise<void> {
    const model = this.models[log]!;
    const padded = writes.map(
      ([key, value]): KeyedWrite => [key, value === null ? null : value + '.'.repeat(padding)],
    );
    appendKeyed(this.log(log), padded, codec);
    for (const [key, value] of padded) {
      model.records.push({ offset: model.end++, key, value, appendedAt: this.now });
    }
    await this.store.flushed();
  }

  /** The model believes the store how far it got, and checks that this keeps to the lag; the rest is its own doing. */
  async #compact({ minLagMs, mapBytesMax, rollBytes }: Operation & { kind: 'compact' }): Promise<void> {
    const policy = { ...EAGER_POLICY, minLagMs, rollBytes, deleteRetentionMs: DELETE_RETENTION_MS };
    const policies = new Map(NAMES.map((name) => [name, policy]));
    for (const pass of await this.store.compact({ policies, mapBytesMax })) {
      if ('error' in pass) throw pass.error;
      expect(pass.unreadable).toEqual([]);
      this.#compactModel(this.models[NAMES.indexOf(pass.partition)]!, pass.endOffset, minLagMs);
    }
  }

  #compactModel(model: Model, endOffset: number, minLagMs: number): void {
    const compacted = model.records.filter(({ offset }) => offset < endOffset);
    const latest = new Map(compacted.map(({ key, offset }) => [key, offset]));
    model.records = model.records.filter((record) => {
      const { key, value, offset, appendedAt, cleanedAt } = record;
      if (offset >= endOffset || key === null || offset < model.start) return true;
      if (offset < latest.get(key)!) {
        expect(this.now - appendedAt).toBeGreaterThanOrEqual(minLagMs);
        return false;
      }
      if (value === null && cleanedAt !== undefined && this.now - cleanedAt >= DELETE_RETENTION_MS)
        return false;
      if (value === null) record.cleanedAt ??= this.now;
      return true;
    });
  }

  check(): void {
    this.models.forEach((model, index) => {
      const log = this.log(index);
      expect([log.logStartOffset, log.logEndOffset]).toEqual([model.start, model.end]);
      const records = model.records.filter(({ offset }) => offset >= model.start);
      const expected = records.map(({ offset, key, value }) => `${offset}:${key}=${value}`);
      expect(consume(log)).toEqual(expected);
      const middle = Math.floor((model.start + model.end) / 2);
      expect(consume(log, middle)).toEqual(expected.filter((line) => Number.parseInt(line, 10) >= middle));
      for (const timestamp of [0, 1000 + middle, 1000 + model.end]) {
        const first = records.find(({ offset }) => 1000 + offset >= timestamp);
        expect(log.offsetForTimestamp(timestamp)).toEqual(
          first && { offset: first.offset, timestamp: 1000 + first.offset },
        );
      }
      expect(log.sizeBytesFrom(middle)).toBeLessThanOrEqual(log.sizeBytesFrom(model.start));
      expect(log.liveBytes).toBe(log.sizeBytesFrom(model.start));
    });
    const { liveBytes, deadBytes } = this.store.stats();
    expect(liveBytes).toBe(NAMES.reduce((sum, _, index) => sum + this.log(index).liveBytes, 0));
    expect(deadBytes).toBeGreaterThanOrEqual(0);
  }
}

const operations = fc.array(operation, { minLength: 5, maxLength: 60 });

test('a compacted store behaves like lists in memory of which old versions are struck out', async () => {
  await fc.assert(
    fc.asyncProperty(operations, fc.constantFrom(0, 16_384), (operations, journalBytes) =>
      play(new World(journalBytes), operations),
    ),
    { numRuns: 30 },
  );
});
