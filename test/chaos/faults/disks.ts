import { closeSync, fstatSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Prng } from '@edgelog/sim';
import { fillDisk } from '../../harness/small-disk.ts';
import { sleep } from '../../harness/wait.ts';
import type { Fault, Scene } from './fault.ts';

const FLIPS = 6;
const SECTOR_BYTES = 4_096;
const FULL_MS = 20_000;
const NOTICED_MS = 3_000;

/** Disks that lose everything, that return something else than was written, or take no more. */
export const DISK_FAULTS: readonly Fault[] = [
  {
    name: 'a leader loses its disk',
    withinSeconds: 10,
    run: async ({ busiest }, healed) => {
      const broker = busiest();
      await broker.kill();
      await sleep(6_000);
      broker.wipe();
      await broker.start();
      healed();
      return broker.name;
    },
  },
  {
    name: 'a leader loses its disk and is back at once',
    withinSeconds: 15,
    run: async ({ busiest }, healed) => {
      const broker = busiest();
      await broker.kill();
      broker.wipe();
      await broker.start();
      healed();
      return broker.name;
    },
  },
  {
    name: 'bits flipped on the disk of a leader',
    withinSeconds: 15,
    run: async ({ busiest, prng }, healed) => {
      const broker = busiest();
      await broker.kill();
      const what = flipBits(broker.dataDir, prng);
      await broker.start();
      healed();
      return `${broker.name}: ${what}`;
    },
  },
];

/** Where there is one of a chosen size. */
export const FULL_DISK: Fault = {
  name: 'a full disk',
  withinSeconds: 15,
  run: async ({ cluster }: Scene, healed) => {
    const { broker, dir } = cluster.smallDisk!;
    const free = await fillDisk(dir);
    const endedWithin = async (ms: number): Promise<boolean> => {
      const deadline = Date.now() + ms;
      while (broker.alive && Date.now() < deadline) await sleep(50);
      return !broker.alive;
    };
    const ended = await endedWithin(FULL_MS);
    free();
    if (ended || (await endedWithin(NOTICED_MS))) {
      await broker.kill();
      await broker.start();
    }
    healed();
    return `${broker.name}, whose process ${ended ? 'ended' : 'went on'}`;
  },
};

/** One bit in each of some places where records are. */
function flipBits(dataDir: string, prng: Prng): string {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.startsWith('segments/'),
  );
  const flipped: string[] = [];
  for (let i = 0; i < FLIPS && files.length > 0; i++) {
    const name = prng.pick(files);
    const fd = openSync(join(dataDir, name), 'r+');
    try {
      const { size } = fstatSync(fd);
      if (size < 4 * SECTOR_BYTES) continue;
      const at = prng.between(2 * SECTOR_BYTES, size - 1);
      const byte = Buffer.alloc(1);
      readSync(fd, byte, 0, 1, at);
      if (byte[0] === 0) continue;
      byte[0] = byte[0]! ^ (1 << prng.between(0, 7));
      writeSync(fd, byte, 0, 1, at);
      flipped.push(`${name} at ${at}`);
    } finally {
      closeSync(fd);
    }
  }
  return flipped.length === 0 ? 'nothing found to flip' : flipped.join(', ');
}
