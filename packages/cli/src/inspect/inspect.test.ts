import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLogStore } from '@edgelog/log';
import { RecordsEncoder, readBatchHeader } from '@edgelog/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dispatch } from '../dispatch.ts';
import { catchOutput } from '../operated-hub.ts';
import { runCli } from '../run-cli.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SEGMENT = 'segments/000000000001.mdb';
const run = (...args: string[]) => catchOutput(() => dispatch(args));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-inspect-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Batches of ten records each; `together` of them are stored as one value. */
async function fill(partition: string, batches: number, together = 1): Promise<void> {
  const store = await openLogStore({ dir });
  const log = store.createPartition(partition);
  for (let i = 0; i < batches; i++) {
    const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: 1000 });
    for (let n = 0; n < 10; n++) {
      const headers = [{ key: 'unit', value: Buffer.from('C') }];
      const value = Buffer.from(`${partition} value ${i * 10 + n} ${'.'.repeat(300)}`);
      encoder.append({ timestamp: 1000 + n, key: `k${n}`, value, headers });
    }
    const identity = { producerId: 7, producerEpoch: 0, baseSequence: i * 10 };
    const batch = encoder.sealSync({ compression: 'none', ...identity });
    log.append(batch, readBatchHeader(batch), { leaderEpoch: 0, offsets: 'assign' });
    if (i % together === together - 1) await store.flushed();
  }
  await store.close();
}
/** Changes the byte at `shift` from where `text` is stored. */
function damage(text: string, shift = 0): void {
  const file = readFileSync(join(dir, SEGMENT));
  const at = file.indexOf(text);
  expect(at).toBeGreaterThan(0);
  file[at + shift]! ^= 0x40;
  writeFileSync(join(dir, SEGMENT), file);
}

test('a sound directory is verified with what it holds, exit status 0', async () => {
  await fill('telemetry-0', 5);
  await fill('telemetry-1', 3, 3);
  const { code, stdout } = await run('verify', '--data-dir', dir);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^verified 2 partitions, 8 batches, 80 records, \d+ bytes: no damage\n$/);
});
test('a flipped bit in a record is found with the offsets of its batch, the rest is read', async () => {
  await fill('telemetry-0', 5);
  damage('telemetry-0 value 23 ');
  const { code, stdout } = await run('verify', '--data-dir', dir, '--json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    batches: 4,
    records: 40,
    damage: [
      {
        partition: 'telemetry-0',
        firstOffset: 20,
        lastOffset: 29,
        reason: expect.stringContaining('CRC-32C'),
      },
    ],
  });
});
test('where structure is gone the range ends with the batch, and what follows is read', async () => {
  await fill('telemetry-0', 9, 3);
  // The magic byte of the batch at 40, the second of its value, lies 16 bytes into its header of 61.
  const file = readFileSync(join(dir, SEGMENT));
  const first = file.indexOf('telemetry-0 value 40 ');
  const header = file.lastIndexOf(Buffer.from([0, 0, 0, 0, 0, 0, 0, 40]), first);
  damage('telemetry-0 value 40 ', header + 16 - first);
  const { code, stdout } = await run('verify', dir);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^telemetry-0 +40 +49 +.*magic/m);
  expect(stdout).toMatch(/, 8 batches, 80 records, \d+ bytes: 1 damaged range\n$/);
});
test('a directory in use, and one that is none, are refused', async () => {
  expect(await run('verify', '--data-dir', dir)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('holds no Edgelog log'),
  });
  const store = await openLogStore({ dir });
  expect((await run('verify', '--data-dir', dir)).stderr).toContain('DATA_DIR_IN_USE');
  await store.close();
});
test("batches and records are printed as Kafka's dump tool does", async () => {
  await fill('telemetry-0', 3);
  const dump = (...args: string[]) =>
    run('dump', '--data-dir', dir, '--topic', 'telemetry', '--partition', ...args);
  const { code, stdout } = await dump('0', '--offset', '15', '--records');
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines.slice(0, 2)).toEqual(['Dumping telemetry-0', 'Log starting offset: 0']);
  expect(lines[2]).toMatch(
    /^baseOffset: 10 lastOffset: 19 count: 10 baseSequence: 10 lastSequence: 19 producerId: 7 producerEpoch: 0 partitionLeaderEpoch: 0 isTransactional: false isControl: false CreateTime: 1009 size: \d+ magic: 2 compresscodec: none crc: \d+ isvalid: true$/,
  );
  expect(lines[3]).toMatch(
    /^\| offset: 10 CreateTime: 1000 keySize: 2 valueSize: 321 sequence: 10 headerKeys: \[unit\] key: k0 payload: telemetry-0 value 10 \.+$/,
  );
  expect(lines.filter((line) => line.startsWith('baseOffset'))).toHaveLength(2);
  const json = (await dump('0', '--json', '--print-data-log')).stdout.split('\n').slice(0, -1);
  expect(JSON.parse(json[2]!)).toMatchObject({ baseOffset: 20, isValid: true, records: { length: 10 } });
  expect((await dump('1')).stderr).toContain('has no partition telemetry-1');
  expect((await dump('0', '--offset', '99')).stderr).toContain('telemetry-0 holds offsets 0 to 29');

  damage('telemetry-0 value 13 ');
  const damaged = await dump('0');
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toMatch(/^baseOffset: 10 lastOffset: 19 isvalid: false: .*CRC-32C/m);
});
test("a log of a cluster's broker is found by its topic, and named where a topic of that name was there before", async () => {
  const ids = ['7b0e6f4c-93a1-4d0f-8a43-0c6f0d0a1e01', 'ffffffff-93a1-4d0f-8a43-0c6f0d0a1e02'];
  const dump = (topic: string, ...args: string[]) => run('dump', dir, '--topic', topic, ...args);
  await fill(`telemetry-0.${ids[0]}`, 2);
  const { code, stdout } = await dump('telemetry', '--partition', '0');
  expect(code).toBe(0);
  expect(stdout).toContain(`Dumping telemetry-0.${ids[0]}\n`);
  expect(stdout.match(/^baseOffset/gm)).toHaveLength(2);
  await fill(`telemetry-0.${ids[1]}`, 3);
  const several = await dump('telemetry', '--partition', '0');
  expect(several).toMatchObject({ code: 1, stderr: expect.stringContaining(`telemetry-0.${ids[1]}`) });
  expect((await dump(`telemetry-0.${ids[1]}`)).stdout.match(/^baseOffset/gm)).toHaveLength(3);
});
test('a compacted directory is sound, and its dump shows which offsets are left', async () => {
  await fill('telemetry-0', 6);
  const store = await openLogStore({ dir });
  const eager = { dirtyRatioMin: 0, minLagMs: 0, maxLagMs: 0, deleteRetentionMs: 0, rollBytes: 1, rollMs: 0 };
  await store.compact({ policies: new Map([['telemetry-0', eager]]) });
  await store.close();
  const verified = await run('verify', '--data-dir', dir);
  expect(verified).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/, 10 records, .*: no damage\n$/),
  });
  const { code, stdout } = await run('dump', dir, '--topic', 'telemetry', '--partition', '0', '--records');
  expect(code).toBe(0);
  expect(stdout.match(/(?<=^\| offset: )\d+/gm)).toEqual(Array.from({ length: 10 }, (_, i) => `${50 + i}`));
});
test('a reader that goes away ends a dump quietly, a full disk does not', async () => {
  await fill('telemetry-0', 200);
  const command = `${process.execPath} ${MAIN} dump ${dir} --topic telemetry --partition 0 --records`;
  const piped = await runCli(['-c', `${command} | head -1`], ['bash']);
  expect(piped).toEqual({ code: 0, stdout: 'Dumping telemetry-0\n', stderr: '' });
  if (!existsSync('/dev/full')) return;
  const full = await runCli(['-c', `${command} > /dev/full`], ['bash']);
  expect(full).toMatchObject({ code: 1, stderr: expect.stringContaining('the output failed: ENOSPC') });
});

test('a batch that an agent set aside is dumped from its file; one that is damaged says why, exit status 1', async () => {
  const encoder = new RecordsEncoder({ baseOffset: 40, baseTimestamp: 1000 });
  encoder.append({ timestamp: 1000, key: 'k', value: Buffer.from('too much for the hub') });
  const identity = { producerId: 7, producerEpoch: 0, baseSequence: 40 };
  const batch = encoder.sealSync({ compression: 'none', ...identity });
  const file = join(dir, 'telemetry-40-0a1b2c3d.batch');
  writeFileSync(file, batch);
  const { code, stdout } = await run('dump', file, '--records');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^baseOffset: 40 .*isvalid: true\n\| offset: 40 .*payload: too much for the hub\n$/);
  batch[batch.length - 1]! ^= 1;
  writeFileSync(file, batch);
  const damaged = await run('dump', file);
  expect([damaged.code, damaged.stdout]).toEqual([1, expect.stringContaining('isvalid: false')]);
});
