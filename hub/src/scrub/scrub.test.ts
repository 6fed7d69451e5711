import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLogStore, type StoredDamage } from '@edgelog/log';
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
  const written = first.createPartition('p');
  for (let i = 0; i < BATCHES; i++) {
    const bytes = batch(`${i === SPOILED ? MARK : i}`.padEnd(4000, '.'));
    written.append(bytes, readBatchHeader(bytes), { leaderEpoch: 0, offsets: 'assign' });
  }
  await first.close();
  spoil(dir, MARK);
  const found: StoredDamage[] = [];
  const store = await openLogStore({ dir, onDamage: (damage) => found.push(damage) });
  onTestFinished(() => store.close());
  const replica = store.partition('p')!;
  const topic = { partitions: [{ replica }] } as unknown as Topic;
  const topics = { all: () => [topic], definitions: topicConfigDefinitions(1, 1) } as unknown as Topics;
  const scrub = new Scrub({ topics, log: silentLogger, bytesPerSecond: 2 ** 30, passMsMin: 1 });
  onTestFinished(() => scrub.stop());
  await vi.waitUntil(() => scrub.status().passes >= 2, { timeout: 30_000 });
  expect(found).toMatchObject([{ partition: 'p', baseOffset: SPOILED, endOffset: SPOILED + 1 }]);
  const passBytes = replica.liveBytes * (1 - 1 / BATCHES);
  expect(scrub.status().readBytes / passBytes).toBeGreaterThan(1.9);
});
