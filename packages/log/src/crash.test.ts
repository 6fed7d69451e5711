import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { readBatchHeader, sequenceOf } from '@edgelog/wire';
import { expect, onTestFinished, test } from 'vitest';
import { type LogStore, openLogStore, type PartitionLog } from './index.ts';
import { RESERVED_PID } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';
import { consume, recordAt } from './test-keyed-log.ts';
import { digestOf } from './test-log-digest.ts';

const ROUNDS = Number(process.env.EDGELOG_CRASH_ROUNDS ?? 5);

function startWriter(dir: string, seed: number, script = 'test-crash-child.ts') {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), dir, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const acknowledged = new Map<string, number>();
  const ready = Promise.withResolvers<void>();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const [name, offset] = line.split(' ');
    if (name === 'ready') ready.resolve();
    else if (offset !== undefined) {
      acknowledged.set(name!, Math.max(acknowledged.get(name!) ?? 0, Number(offset)));
    }
  });
  return { child, acknowledged, ready: ready.promise, drained: once(lines, 'close') };
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  expect((await exit)[1]).toBe('SIGKILL');
}

/** Every batch from the log start to the end, dense, with intact CRCs (`read` checks structure, this the rest). */
function checkDense(log: PartitionLog): void {
  let next: number | undefined;
  for (let at = log.logStartOffset; at < log.logEndOffset; at = next!) {
    for (const batch of log.read(at, { maxBytes: 100_000 }).batches) {
      const header = readBatchHeader(batch);
      if (next !== undefined) expect(header.baseOffset).toBe(next);
      expect(header.baseSequence).toBe(sequenceOf(header.baseOffset));
      next = header.lastOffset + 1;
    }
  }
  expect(next ?? log.logEndOffset).toBe(log.logEndOffset);
}

function check(store: LogStore, acknowledged: ReadonlyMap<string, number>): void {
  for (const log of store.partitions()) {
    expect(log.tailEndOffset).toBeGreaterThanOrEqual(acknowledged.get(log.name) ?? 0);
    expect(log.flushedEndOffset).toBe(log.logEndOffset);
    checkDense(log);
    // A lost append time would make the log look old.
    expect(log.expiry({ retentionMs: 3_600_000, retentionBytes: undefined })).toBeUndefined();
    const end = store.state.get(`end:${log.name}`);
    if (end !== undefined) expect(Number(end.toString())).toBe(log.logEndOffset);
    const producer = log.producer(RESERVED_PID);
    expect(producer?.recordCount ?? 0).toBe(log.logEndOffset);
    expect(producer?.nextSequence ?? 0).toBe(sequenceOf(log.logEndOffset));
    let next = log.logEndOffset;
    for (const chunk of log.tail()) {
      expect(chunk.baseOffset).toBe(next);
      expect(chunk.bytes.toString()).toBe(`chunk ${next}`);
      next += chunk.recordCount;
    }
  }
}

/** Everything that is left is what was written there, and of each key the latest is, unless it deletes the key. */
function checkCompacted(store: LogStore, acknowledged: ReadonlyMap<string, number>): void {
  expect(store.damage()).toEqual([]);
  for (const log of store.partitions()) {
    expect(log.logStartOffset).toBe(0);
    expect(log.flushedEndOffset).toBeGreaterThanOrEqual(acknowledged.get(log.name) ?? 0);
    const line = (offset: number) => `${offset}:${recordAt(offset)[0]}=${recordAt(offset)[1]}`;
    const seen = consume(log);
    const offsets = seen.map((one) => Number.parseInt(one, 10));
    expect(seen).toEqual(offsets.map(line));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    const latest = new Map<string | null, number>();
    for (let offset = 0; offset < log.flushedEndOffset; offset++) latest.set(recordAt(offset)[0], offset);
    const left = new Set(offsets);
    const lost = [...latest.values()].filter((offset) => !left.has(offset) && recordAt(offset)[1] !== null);
    expect(lost).toEqual([]);
    const deleted = [...latest].filter(([, offset]) => !left.has(offset)).map(([key]) => key);
    expect(offsets.filter((offset) => deleted.includes(recordAt(offset)[0]))).toEqual([]);
  }
}

/** Each log is as it was at the end of one turn, and that is the last one acknowledged or a later one. */
function checkTurn(store: LogStore, acknowledged: ReadonlyMap<string, number>): void {
  for (const log of store.partitions()) {
    const turn = Number(store.state.get(`turn:${log.name}`) ?? 0);
    expect(turn).toBeGreaterThanOrEqual(acknowledged.get(log.name) ?? 0);
    if (turn > 0) expect(digestOf(log)).toBe(store.state.get(`digest:${log.name}`)!.toString());
  }
}

test.each([
  ['dense and consistent', 'test-crash-child.ts', check],
  ['when logs are truncated and begin anew', 'test-replica-crash-child.ts', checkTurn],
  ['when partitions are compacted all the time', 'test-compaction-crash-child.ts', checkCompacted],
] as const)(`everything acknowledged is there after ${ROUNDS} kills, %s`, async (_, script, check) => {
  const dir = tempDir();
  for (let round = 0; round < ROUNDS; round++) {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const writer = startWriter(dir, seed, script);
    await writer.ready;
    await delay(20 + (seed % 250));
    await killed(writer.child);
    await writer.drained;
    const store = await openLogStore({ dir });
    try {
      check(store, writer.acknowledged);
    } catch (error) {
      throw new Error(`round ${round}, seed ${seed}`, { cause: error });
    } finally {
      await store.close();
    }
  }
});

test('a directory another process has open is refused, naming it, and free when that process is killed', async () => {
  const dir = tempDir();
  const writer = startWriter(dir, 1);
  await writer.ready;
  await expect(openLogStore({ dir })).rejects.toMatchObject({
    code: 'DATA_DIR_IN_USE',
    message: expect.stringContaining(`process ${writer.child.pid}`),
  });
  await killed(writer.child);
  await (await openLogStore({ dir })).close();
});
