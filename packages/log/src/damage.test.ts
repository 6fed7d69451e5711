import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLogStore } from './index.ts';
import { headerKey } from './keys.ts';
import { decodeHeader, encodeHeader, FORMAT } from './rows.ts';
import { Segment } from './segment.ts';
import { makeBatch } from './test-batches.ts';
import { tempDir } from './test-dirs.ts';

const FIRST = 'segments/000000000001.mdb';

test('a damaged batch is an error that names partition and offset; what lies around it is served', async () => {
  const dir = tempDir();
  let store = await openLogStore({ dir });
  const log = store.createPartition('plant/7');
  const made = [1, 2, 3].map(() => makeBatch({ valueBytes: 6000 }));
  for (const { batch, header } of made) {
    expect(log.append(batch, header, { leaderEpoch: 0, offsets: 'assign' }).ok).toBe(true);
    await store.flushed();
  }
  await store.close();

  const file = readFileSync(join(dir, FIRST));
  const at = file.indexOf(made[1]!.batch);
  expect(at).toBeGreaterThan(0);
  file[at + 16] = 9;
  writeFileSync(join(dir, FIRST), file);

  store = await openLogStore({ dir });
  const again = store.partition('plant/7')!;
  expect(again.read(0, { maxBytes: 1 }).batches).toEqual([made[0]!.batch]);
  expect(again.read(2, { maxBytes: 1 }).batches).toEqual([made[2]!.batch]);
  expect(again.read(0, { maxBytes: 100_000 }).batches).toEqual([made[0]!.batch]);
  expect(() => again.read(1, { maxBytes: 1 })).toThrow(/^plant\/7 at offset 1: .*magic 9/);
  await store.close();
});

test('a segment of another format is refused, saying which', async () => {
  const dir = tempDir();
  await (await openLogStore({ dir })).close();
  const segment = Segment.openForWrite(1, join(dir, FIRST), { flush: true, mapBytes: 2 ** 20 });
  const row = encodeHeader({ format: FORMAT + 1, segmentId: 1, nextPartitionId: 1 });
  await segment.write([[headerKey(), row]]);
  await segment.close();
  await expect(openLogStore({ dir })).rejects.toMatchObject({
    code: 'DATA_DIR_INVALID',
    message: expect.stringContaining(`format ${FORMAT + 1}`),
  });
});

test('a segment of the format before is read, and is of this one from the first commit on', async () => {
  const dir = tempDir();
  await (await openLogStore({ dir })).close();
  const open = () => Segment.openForWrite(1, join(dir, FIRST), { flush: true, mapBytes: 2 ** 20 });
  let segment = open();
  const row = encodeHeader({ format: FORMAT - 1, segmentId: 1, nextPartitionId: 1 });
  await segment.write([[headerKey(), row]]);
  await segment.close();
  rmSync(join(dir, 'CLOSED'));
  const store = await openLogStore({ dir });
  store.state.put('any', Buffer.of(1));
  await store.close();
  segment = open();
  expect(decodeHeader(segment.get(headerKey())!)).toMatchObject({ format: FORMAT, nextPartitionId: 1 });
  await segment.close();
});

test('a second store in the same process is refused too', async () => {
  const dir = tempDir();
  const store = await openLogStore({ dir });
  await expect(openLogStore({ dir })).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
  await store.close();
  await (await openLogStore({ dir })).close();
});
