import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLogStore, type PartitionLog, type StoredDamage } from '@edgelog/log';
import { silentLogger } from '@edgelog/runtime';
import { RecordsEncoder, readBatchHeader } from '@edgelog/wire';
import { expect, onTestFinished, test, vi } from 'vitest';
import { topicConfigDefinitions } from '../metadata/topic-config.ts';
import type { Topic, Topics } from '../metadata/topics.ts';
import { Scrub } from './scrub.ts';

const BATCHES = 200;
const SPOILED = 120;
const MARK = 'this batch will be spoiled';

function batch(text: string): Buffer {
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: 1 });
  encoder.append({ timestamp: 1, key: 'k', value: Buffer.from(text) });
  return encoder.sealSync({ compression: 'none', producerId: -1, producerEpoch: -1, baseSequence: -1 });
}

function appendAll(log: PartitionLog, padded: (i: number) => string): void {
  for (let i = 0; i < BATCHES; i++) {
    const bytes = batch(padded(i).padEnd(4000, '.'));
    log.append(bytes, readBatchHeader(bytes), { leaderEpoch: 0, offsets: 'assign' });
  }
}

function topicsOf(replica: PartitionLog): Topics {
  const topic = { partitions: [{ replica }] } as unknown as Topic;
  return { all: () => [topic], definitions: topicConfigDefinitions(1, 1) } as unknown as Topics;
}

/** Flips a bit of the text, wherever it lies below the directory. */
function spoil(dir: string, text: string): void {
  for (const name of readdirSync(join(dir, 'segments'))) {
    const path = join(dir, 'segments', name);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(text);
    if (at < 0) continue;
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
  }
}

test('what rots on the disk is found though nobody asks for it, and the rest is read on', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-scrub-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const first = await openLogStore({ dir });
  appendAll(first.createPartition('p'), (i) => (i === SPOILED ? MARK : `${i}`));
  await first.close();
  spoil(dir, MARK);
  const found: StoredDamage[] = [];
  const store = await openLogStore({ dir, onDamage: (damage) => found.push(damage) });
  onTestFinished(() => store.close());
  const replica = store.partition('p')!;
  const scrub = new Scrub({
    topics: topicsOf(replica),
    log: silentLogger,
    bytesPerSecond: 2 ** 30,
    passMsMin: 1,
  });
  onTestFinished(() => scrub.stop());
  await vi.waitUntil(() => scrub.status().passes >= 2, { timeout: 120_000 });
  expect(found).toMatchObject([{ partition: 'p', baseOffset: SPOILED, endOffset: SPOILED + 1 }]);
  const passBytes = replica.liveBytes * (1 - 1 / BATCHES);
  expect(scrub.status().readBytes / passBytes).toBeGreaterThan(1.9);
});

test('a partition that is deleted while it is read is left without a word', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-scrub-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const store = await openLogStore({ dir });
  onTestFinished(() => store.close());
  const replica = store.createPartition('p');
  appendAll(replica, String);
  await store.flushed();
  const warned: unknown[] = [];
  const log = { ...silentLogger, warn: (...said: unknown[]) => warned.push(said) };
  const scrub = new Scrub({ topics: topicsOf(replica), log, bytesPerSecond: 2 ** 30, passMsMin: 1 });
  onTestFinished(() => scrub.stop());
  const readBytes = () => scrub.status().readBytes;
  expect(readBytes()).toBeGreaterThan(0);
  expect(readBytes()).toBeLessThan(replica.liveBytes);
  store.deletePartition('p');
  await vi.waitUntil(() => scrub.status().passes >= 1, { timeout: 120_000 });
  expect(warned).toEqual([]);
});
