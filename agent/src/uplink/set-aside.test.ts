import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Alarms, type PoisonBatch } from '@edgelog/edge';
import { silentLogger } from '@edgelog/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDir } from '../testing/fixture.ts';
import { SetAside } from './set-aside.ts';

async function opened(dir: string) {
  const alarms = new Alarms(silentLogger, Date.now);
  const setAside = await SetAside.open({ dir, maxBytes: 1500, now: Date.now, alarms });
  onTestFinished(() => setAside.stop());
  return { setAside, alarms };
}

const poison = (firstOffset: number, given: Partial<PoisonBatch> = {}): PoisonBatch => ({
  topic: 't',
  logId: '0f0e0d0c-0000-4000-8000-000000000000',
  producerId: 1,
  firstOffset,
  lastOffset: firstOffset + 9,
  code: 'corrupt-batch',
  message: 'no',
  batch: Buffer.alloc(700, firstOffset),
  ...given,
});

test('room that an operator makes by taking batches away is there at once, and the alarm goes with the last of them', async () => {
  const dir = temporaryDir();
  const { setAside, alarms } = await opened(dir);
  await setAside.keep(poison(0));
  await expect(setAside.keep(poison(10))).rejects.toThrow(/take batches away/);
  for (const name of readdirSync(dir)) rmSync(join(dir, name));
  await setAside.keep(poison(10));
  expect(setAside.list().map(({ firstOffset }) => firstOffset)).toEqual([10]);
  for (const name of readdirSync(dir)) rmSync(join(dir, name));
  await setAside.look();
  expect(setAside.list()).toEqual([]);
  expect(alarms.list()).toEqual([]);
});

test('a batch that comes again, after a crash before its gap was on disk, is taken where there is no room for a second one', async () => {
  const dir = temporaryDir();
  await (await opened(dir)).setAside.keep(poison(0));
  const { setAside } = await opened(dir);
  await setAside.keep(poison(0));
  expect(setAside.list()).toHaveLength(1);
  const [batch] = readdirSync(dir).filter((name) => name.endsWith('.batch'));
  truncateSync(join(dir, batch!), 5);
  await setAside.keep(poison(0));
  expect(setAside.list()).toHaveLength(1);
  expect(setAside.usedBytes).toBeGreaterThan(700);
});

test('a topic with the longest name that Kafka allows does not stand still behind its poison', async () => {
  const { setAside } = await opened(temporaryDir());
  await setAside.keep(poison(0, { topic: 'x'.repeat(249) }));
  expect(setAside.list()).toMatchObject([{ topic: 'x'.repeat(249) }]);
});

test('what cannot be written leaves nothing behind that takes the room', async () => {
  const dir = temporaryDir();
  const { setAside } = await opened(join(dir, 'aside'));
  writeFileSync(join(dir, 'aside'), '');
  await expect(setAside.keep(poison(0))).rejects.toThrow(/cannot be set aside/);
  rmSync(join(dir, 'aside'));
  await setAside.keep(poison(0));
  expect(readdirSync(join(dir, 'aside'))).toHaveLength(2);
});
