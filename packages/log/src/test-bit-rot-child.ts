/**
 * Flips bits in copies of a closed store and reads each through, for bit-rot.test.ts: in a process of its own, because LMDB can end
 * it. What was written is told by what an undamaged copy reads. Prints one JSON line per round before it is judged and
 * one after. Arguments: directory of the store, directory for copies, first seed, rounds.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { assert, EdgelogError } from '@edgelog/base';
import { readBatchHeader } from '@edgelog/wire';
import { type LogStore, openLogStore, type PartitionLog, StoredDamageError } from './index.ts';
import { makeBatch } from './test-batches.ts';

const [pristine, workDir] = process.argv.slice(2) as [string, string];
const [firstSeed, rounds] = process.argv.slice(4).map(Number) as [number, number];
let random = 0;

function below(limit: number): number {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor(((random >>> 4) / 2 ** 28) * limit);
}

/** Everything that a read of the whole log gives, and where it gave nothing. */
interface Read {
  batches: Map<number, Buffer>;
  damaged: [baseOffset: number, endOffset: number][];
}

function readThrough(log: PartitionLog): Read {
  const read: Read = { batches: new Map(), damaged: [] };
  for (let at = log.logStartOffset; at < log.flushedEndOffset; ) {
    try {
      const { batches } = log.read(at, { maxBytes: 1 + below(300_000) });
      assert(batches.length > 0, `nothing at ${at}`);
      for (const batch of batches) {
        const { baseOffset, lastOffset } = readBatchHeader(batch);
        assert(baseOffset === at, `${baseOffset} where ${at} was asked for`);
        read.batches.set(baseOffset, batch);
        at = lastOffset + 1;
      }
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      const { partition, baseOffset, endOffset } = error.damage;
      assert(partition === log.name && baseOffset <= at && at < endOffset, `${error.message}, read at ${at}`);
      read.damaged.push([at, endOffset]);
      at = endOffset;
    }
  }
  return read;
}

/** What else is asked of a log: none of it may throw anything but what says that it is damage. */
function askAround(log: PartitionLog): void {
  const questions = [
    () => log.offsetForTimestamp(1_700_000_000_000 + below(50)),
    () => log.batchEndingAt(log.logStartOffset + below(log.logEndOffset - log.logStartOffset)),
    () => log.sizeBytesFrom(below(log.logEndOffset)),
    () => log.expiry({ retentionMs: 0, retentionBytes: below(400_000) }),
    () => log.liveBytes,
  ];
  for (const ask of questions) {
    try {
      ask();
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
    }
  }
}

const stateOf = (store: LogStore) => ({
  state: [...store.state.entries('')],
  logs: Array.from(store.partitions(), (log) => ({
    name: log.name,
    ends: [log.logStartOffset, log.logEndOffset, log.tailEndOffset],
    producers: [...log.producers()],
    tail: log.tail(),
  })),
});

/** Some bits in one or two places; pages of the trees are a small part of a file, so they are aimed at half of the time. */
function flipBits(dir: string): string[] {
  const segments = join(dir, 'segments');
  const files = readdirSync(segments).filter((name) => name.endsWith('.mdb'));
  return Array.from({ length: 1 + below(2) }, () => {
    const name = files[below(files.length)]!;
    const bytes = readFileSync(join(segments, name));
    const page = below(bytes.length / 4096);
    const isTree = [1, 2, 8].includes(bytes.readUInt16LE(page * 4096 + 18));
    if (!isTree && below(2) === 0) return `${name}: spared`;
    const at = page * 4096 + below(below(3) === 0 ? 150 : 4096);
    bytes[at]! ^= 1 << below(8);
    writeFileSync(join(segments, name), bytes);
    return `${name}: byte ${at}`;
  });
}

async function judge(dir: string, original: Map<string, Read>, state: object): Promise<string> {
  const told: string[] = [];
  let store: LogStore;
  try {
    store = await openLogStore({
      dir,
      onDamage: ({ partition, baseOffset, endOffset }) =>
        told.push(`${partition} ${baseOffset} ${endOffset}`),
    });
  } catch (error) {
    assert(error instanceof EdgelogError && error.code === 'DATA_DIR_INVALID', String(error));
    return `refused: ${error.message.replace(dir, '')}`;
  }
  assert(isDeepStrictEqual(stateOf(store), state), 'the state is what it was');
  let damagedOffsets = 0;
  for (const log of store.partitions()) {
    askAround(log);
    const { batches, damaged } = readThrough(log);
    const expected = original.get(log.name)!.batches;
    for (const [baseOffset, batch] of batches) {
      assert(
        expected.get(baseOffset)?.equals(batch),
        `the batch at ${baseOffset} of ${log.name} is what it was`,
      );
    }
    for (const [from, to] of damaged) damagedOffsets += to - from;
    for (const [from] of damaged) assert(log.damageAt(from) !== undefined, `damage at ${from} is known`);
  }
  assert(damagedOffsets === 0 || told.length > 0, 'damage is told');
  const { batch, header } = makeBatch({ count: 2 });
  const log = store.partition('small')!;
  const result = log.append(batch, header, { leaderEpoch: 0, offsets: 'assign' });
  assert(result.ok, 'takes more');
  await result.flushed;
  assert(log.read(result.baseOffset, { maxBytes: 1 }).batches[0]?.equals(batch), 'reads what it took');
  await store.close();
  return damagedOffsets === 0 ? 'unharmed' : `damaged: ${told.join(', ')}`;
}

async function copyStore(): Promise<string> {
  const dir = join(workDir, 'copy');
  rmSync(dir, { recursive: true, force: true });
  cpSync(pristine, dir, { recursive: true });
  return dir;
}

const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const store = await openLogStore({ dir: await copyStore() });
const original = new Map(Array.from(store.partitions(), (log) => [log.name, readThrough(log)]));
const state = stateOf(store);
await store.close();
for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
  random = seed;
  for (let i = 0; i < 4; i++) below(1);
  const dir = await copyStore();
  const flips = flipBits(dir);
  say({ seed, flips });
  say({ seed, outcome: await judge(dir, original, state) });
}
