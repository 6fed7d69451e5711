import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openLogStore, type PartitionLog } from '@edgelog/log';
import { iterateRecords } from '@edgelog/wire';
import { expect, test, vi } from 'vitest';
import { streamsOn, temporaryDir, until } from './testing/fixture.ts';
import { WEAR, WEAR_MODES } from './wear.ts';

const lent = vi.hoisted(() => ({ usedAgain: 0 }));

/** What is given back is overwritten at once: whoever still reads it finds nothing that could be a batch. */
vi.mock(import('./batch-memory.ts'), async (original) => {
  const { BatchMemory } = await original();
  class Overwritten extends BatchMemory {
    readonly #given = new Set<ArrayBufferLike>();

    override take(): Buffer {
      const memory = super.take();
      if (this.#given.delete(memory.buffer)) lent.usedAgain++;
      return memory;
    }

    override give(memory: Buffer): void {
      expect(this.#given.has(memory.buffer), 'memory is given back twice').toBe(false);
      this.#given.add(memory.buffer);
      Buffer.from(memory.buffer).fill(0xee);
      super.give(memory);
    }
  }
  return { BatchMemory: Overwritten };
});

const TOPICS = ['a', 'b', 'c'];
const READINGS = 6000;
const BATCH_BYTES = 4096;
/** A log makes its journal when there have been some. */
const COMMITS_BEFORE_JOURNAL = 40;
const textOf = (i: number): string => `${i}:`.padEnd(20 + ((i * 7919) % 300), String(i));

function read(log: PartitionLog): string[] {
  const values: string[] = [];
  for (let offset = log.logStartOffset; offset < log.flushedEndOffset; ) {
    for (const batch of log.read(offset, { maxBytes: 8 * BATCH_BYTES }).batches) {
      for (const record of iterateRecords(batch)) {
        values.push(`${record.value}`);
        offset = record.offset + 1;
      }
    }
  }
  return values;
}

test.each(
  WEAR_MODES.flatMap((wear) => [
    { wear, compression: 'zstd' as const },
    { wear, compression: 'none' as const },
  ]),
)(
  'memory of batches, overwritten as soon as it is given back, harms nothing on disk or on its way: $wear, $compression',
  async ({ wear, compression }) => {
    const dir = temporaryDir();
    const { pacing, ...logWear } = WEAR[wear];
    const options = { dir, segmentBytes: 2 ** 18, journalBytes: 2 ** 19, ...logWear };
    const store = await openLogStore(options);
    const { streams } = streamsOn(store, dir, options.segmentBytes, {
      pacing,
      batchBytes: BATCH_BYTES,
      compression,
      maxReadingBytes: BATCH_BYTES,
      replayBytes: 2 ** 30,
      isUplinkLive: () => true,
    });
    const expected = (topic: number, count: number): string[] =>
      Array.from({ length: count }, (_, i) => textOf(i * TOPICS.length + topic));

    lent.usedAgain = 0;
    for (let i = 0; i < READINGS; i++) {
      const topic = TOPICS[i % TOPICS.length]!;
      streams.append(topic, { key: 'k', value: Buffer.from(textOf(i)), headers: [] });
      if (i < COMMITS_BEFORE_JOURNAL && pacing.intervalMs < 100) await streams.committed();
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (i % 1000 !== 999) continue;
      await streams.committed();
      for (const [t, name] of TOPICS.entries()) {
        const values = read(store.partition(name)!);
        expect(values).toEqual(expected(t, values.length));
      }
    }
    await streams.flush();
    const logs = TOPICS.map((topic) => store.partition(topic)!);
    await until('all is sealed', () => logs.every((log) => log.flushedEndOffset === log.tailEndOffset));
    expect(lent.usedAgain).toBeGreaterThan(10);
    expect(existsSync(join(dir, 'journal')) || wear === 'saver').toBe(true);
    await streams.close();
    await store.close();

    const reopened = await openLogStore(options);
    for (const [t, name] of TOPICS.entries()) {
      expect(read(reopened.partition(name)!)).toEqual(expected(t, READINGS / TOPICS.length));
    }
    await reopened.close();
  },
);
