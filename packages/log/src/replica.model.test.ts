import { emptyBatch, readBatchHeader } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LogStore, openLogStore, type PartitionLog, type ProducerState } from './index.ts';
import { advanceProducer } from './producer-state.ts';
import { makeBatch, makeReplicated, RESERVED_PID } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';
import { play, playCleaning } from './test-play.ts';

interface ModelBatch {
  baseOffset: number;
  endOffset: number;
  leaderEpoch: number;
  timestamp: number;
  bytes: Buffer;
}

const PRODUCERS = [-1, 7, 8, RESERVED_PID];
const NOW = 1_000_000;

const written = fc.record({
  producer: fc.nat(PRODUCERS.length - 1),
  bump: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
  count: fc.integer({ min: 1, max: 4 }),
  valueBytes: fc.oneof(fc.nat(50), fc.nat(1500)),
  timestamp: fc.integer({ min: 1000, max: 2000 }),
});
const share = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0.8, max: 1, noNaN: true }),
);
const operation = fc.oneof(
  { weight: 8, arbitrary: written.map((batch) => ({ kind: 'lead' as const, batch })) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('follow' as const),
      batches: fc.array(written, { minLength: 1, maxLength: 4 }),
      gap: fc.constantFrom(0, 0, 3),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('truncate' as const), share }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'epoch' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const), share }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('anew' as const), ahead: fc.nat(9), keeps: fc.boolean() }),
  },
  { weight: 5, arbitrary: fc.constant({ kind: 'turn' as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'flush' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clean' as const), wait: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      share,
      maxBytes: fc.nat(9000),
      timestamp: fc.integer({ min: 990, max: 2010 }),
    }),
  },
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Written = typeof written extends fc.Arbitrary<infer T> ? T : never;

/** One log as a list of batches in memory; another beside it is only appended to, so that segments are shared. */
class World {
  store!: LogStore;
  start = 0;
  end = 0;
  epoch = 0;
  batches: ModelBatch[] = [];
  /** Undefined as soon as retention took away what states are made of. */
  isWholeHistory = true;
  readonly dir = tempDir();
  readonly #journalBytes: number;

  constructor(journalBytes: number) {
    this.#journalBytes = journalBytes;
  }

  async open(): Promise<void> {
    const { dir } = this;
    const journalBytes = this.#journalBytes;
    this.store = await openLogStore({ dir, segmentBytes: 8000, journalBytes, now: () => NOW });
    this.store.createPartition('log');
    this.store.createPartition('other');
  }

  get log(): PartitionLog {
    return this.store.partition('log')!;
  }

  async run(op: Operation): Promise<void> {
    const { log } = this;
    switch (op.kind) {
      case 'lead': {
        const { batch, header } = makeBatch(this.#next(op.batch));
        const result = log.append(batch, header, { leaderEpoch: this.epoch, offsets: 'assign' });
        expect(result).toMatchObject({ ok: true, baseOffset: this.end, duplicate: false });
        this.#add(batch, op.batch.timestamp);
        const other = makeBatch({ valueBytes: op.batch.valueBytes });
        this.store
          .partition('other')!
          .append(other.batch, other.header, { leaderEpoch: 0, offsets: 'assign' });
        return;
      }
      case 'follow':
        return this.#follow(op.batches, op.gap);
      case 'truncate':
        return this.#truncate(this.start + Math.round(op.share * (this.end - this.start)));
      case 'epoch':
        this.epoch++;
        log.leaderEpochs.assign(this.epoch, this.end);
        return;
      case 'trim':
        this.start += Math.floor(op.share * (this.end - this.start));
        log.advanceLogStart(this.start);
        this.isWholeHistory &&= this.start === 0;
        return;
      case 'anew': {
        this.start = this.end = this.end + op.ahead;
        this.batches = [];
        this.isWholeHistory = false;
        const producers = op.keeps ? [...log.producers()] : [];
        log.startAnew({ startOffset: this.start, producers, producersThrough: 0 });
        return;
      }
      case 'turn':
        return new Promise((resolve) => setImmediate(resolve));
      case 'flush':
        return this.store.flushed();
      case 'clean':
        return playCleaning(this.store, op.wait);
      case 'reopen':
        await this.store.close();
        return this.open();
      case 'look':
        await this.store.flushed();
        this.#look(op);
    }
  }

  /** What the producer writes next, or where it begins a new epoch. */
  #next({ producer, bump, ...batch }: Written) {
    const producerId = PRODUCERS[producer]!;
    if (producerId < 0) return batch;
    const state = this.isWholeHistory ? this.states().get(producerId) : this.log.producer(producerId);
    const known = state ?? { producerEpoch: 0, nextSequence: 0 };
    const producerEpoch = known.producerEpoch + (bump ? 1 : 0);
    return { ...batch, producerId, producerEpoch, baseSequence: bump ? 0 : known.nextSequence };
  }

  #add(bytes: Buffer, timestamp: number): void {
    const { baseOffset, lastOffset, partitionLeaderEpoch } = readBatchHeader(bytes);
    const endOffset = lastOffset + 1;
    this.batches.push({ baseOffset, endOffset, leaderEpoch: partitionLeaderEpoch, timestamp, bytes });
    this.end = endOffset;
  }

  /** All in one call, as they are fetched. Sequences of one producer follow each other. */
  #follow(batches: readonly Written[], gap: number): void {
    const parts: Buffer[] = [];
    const from = this.batches.length;
    const logEnd = this.end;
    if (gap > 0) this.#add(emptyBatch(this.end, this.end + gap, this.epoch), -1);
    for (const batch of batches) {
      const bytes = makeReplicated(this.end, this.epoch, [this.isWholeHistory ? this.#next(batch) : {}]);
      parts.push(bytes);
      this.#add(bytes, this.isWholeHistory ? batch.timestamp : 1_700_000_000_000);
    }
    const result = this.log.appendReplicated(Buffer.concat(parts));
    const records = this.batches
      .slice(from)
      .reduce((sum, { bytes }) => sum + readBatchHeader(bytes).recordCount, 0);
    expect(result).toMatchObject({ ok: true, endOffset: this.end, recordCount: records, hasHoles: gap > 0 });
    expect(this.end).toBeGreaterThan(logEnd);
  }

  #truncate(endOffset: number): void {
    this.batches = this.batches.filter((batch) => batch.endOffset <= endOffset);
    if (endOffset < this.end) this.end = Math.max(this.start, this.batches.at(-1)?.endOffset ?? 0);
    expect(this.log.truncate(endOffset)).toBe(this.end);
    this.epoch = this.log.leaderEpochs.latest ?? this.epoch;
  }

  /** The states of a log that never had more than what is there. */
  states(): Map<number, ProducerState> {
    const states = new Map<number, ProducerState>();
    for (const { bytes } of this.batches) {
      const header = readBatchHeader(bytes);
      if (header.producerId < 0) continue;
      states.set(header.producerId, advanceProducer(states.get(header.producerId), header, NOW));
    }
    return states;
  }

  #live(): ModelBatch[] {
    return this.batches.filter(({ endOffset }) => endOffset > this.start);
  }

  /** Flushed or not. */
  check(): void {
    const { log } = this;
    expect([log.logStartOffset, log.logEndOffset]).toEqual([this.start, this.end]);
    expect(log.flushedEndOffset).toBeLessThanOrEqual(this.end);
    const options = { maxBytes: 2 ** 30, withEmpty: true, unflushed: true };
    const live = this.#live();
    expect(log.read(this.start, options).batches).toEqual(live.map(({ bytes }) => bytes));
    for (const { baseOffset, leaderEpoch } of live) {
      expect(log.leaderEpochs.epochAt(Math.max(baseOffset, this.start))).toBe(leaderEpoch);
    }
    if (!this.isWholeHistory) return;
    expect(log.liveBytes).toBe(live.reduce((sum, { bytes }) => sum + bytes.length, 0));
    const expected = this.states();
    expect([...log.producers()].map(({ producerId }) => producerId).sort()).toEqual(
      [...expected.keys()].sort(),
    );
    for (const { batches, ...state } of log.producers()) {
      const { batches: all, ...rest } = expected.get(state.producerId)!;
      expect(state).toEqual(rest);
      expect(batches.length).toBeGreaterThan(0);
      expect(batches).toEqual(all.slice(-batches.length));
    }
  }

  #look(at: { share: number; maxBytes: number; timestamp: number }): void {
    const { log } = this;
    expect(log.flushedEndOffset).toBe(this.end);
    const offset = this.start + Math.floor(at.share * (this.end - this.start));
    const expected: Buffer[] = [];
    let size = 0;
    for (const { endOffset, bytes } of this.batches) {
      if (endOffset <= offset) continue;
      if (expected.length > 0 && size + bytes.length > at.maxBytes) break;
      expected.push(bytes);
      size += bytes.length;
      if (size > at.maxBytes) break;
    }
    const read = log.read(offset, { maxBytes: at.maxBytes, withEmpty: true });
    expect(read).toEqual({ batches: expected, sizeBytes: size });
    const times = this.#live().flatMap(({ baseOffset, endOffset, timestamp }) =>
      Array.from({ length: timestamp < 0 ? 0 : endOffset - baseOffset }, (_, i) => ({
        offset: baseOffset + i,
        timestamp: timestamp + i,
      })),
    );
    const first = times.find((one) => one.offset >= this.start && one.timestamp >= at.timestamp);
    expect(log.offsetForTimestamp(at.timestamp)).toEqual(first);
    const bounded = first && first.offset < offset ? first : undefined;
    expect(log.offsetForTimestamp(at.timestamp, offset)).toEqual(bounded);
  }
}

const operations = fc.array(operation, { minLength: 5, maxLength: 100, size: 'max' });

test('a log that leads, follows, is truncated and begins anew behaves like a list, and its producers as if nothing had been cut', async () => {
  await fc.assert(
    fc.asyncProperty(operations, fc.constantFrom(0, 16_384), (operations, journalBytes) =>
      play(new World(journalBytes), operations),
    ),
    { numRuns: 15 },
  );
});
