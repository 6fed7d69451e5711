import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { NO_HUB, temporaryDir, testHub, until } from './testing/fixture.ts';
import { MemoryHub } from './testing/memory-hub.ts';
import { startProcess } from './testing/process.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';
import { drained } from './testing/senders.ts';

const READINGS = 150;
const SIZES = ['--max-disk-bytes', '25165824'];

/** A file system of its own, with not a byte left when `fill` was called. */
function smallDisk(): { dir: string; fill(): string } | { refused: string } {
  const dir = temporaryDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', dir], { stdio: 'pipe' });
  } catch (error) {
    return { refused: (error as Error).message };
  }
  onTestFinished(() => void execFileSync('umount', ['-l', dir]));
  const fill = () => {
    const path = join(dir, 'filler');
    const file = openSync(path, 'w');
    try {
      for (const block = Buffer.alloc(4096); ; ) writeSync(file, block);
    } catch {
      return path; // not a byte is left
    } finally {
      closeSync(file);
    }
  };
  return { dir, fill };
}

test('full at the start (Mosquitto, OTel): killed, and the disk filled by others to the last byte, a gateway says so and ends while it has no room at all; with its reserve it starts and sends all it has', async (context) => {
  const disk = smallDisk();
  if ('refused' in disk) {
    if (process.env.CI) throw new Error(`no small disk: ${disk.refused}`);
    return context.skip(`no small disk: ${disk.refused}`);
  }
  const dataDir = join(disk.dir, 'log');
  const reserve = join(dataDir, 'RESERVE');
  const hasReserve = () => statSync(reserve, { throwIfNoEntry: false }) !== undefined;
  const hub = new MemoryHub();
  const { url } = await testHub(hub);
  const first = await startProcess({ dataDir, hub: NO_HUB, args: SIZES });
  await until('the reserve is held', hasReserve);
  const client = await RawMqtt.connect(first.mqttPort, 'dev');
  for (let n = 0; n < READINGS; n++) {
    client.send(publishPacket('t', `${n}`.padEnd(900), { messageId: n + 1 }));
    await client.packets('puback', n + 1);
  }
  await first.kill('SIGKILL');

  const aside = join(temporaryDir(), 'reserve');
  copyFileSync(reserve, aside);
  rmSync(reserve);
  const everything = disk.fill();
  await expect(startProcess({ dataDir, hub: url, args: SIZES })).rejects.toThrow(
    /edgelog: STORE_FAILED: no room to open the log/,
  );
  rmSync(everything);
  copyFileSync(aside, reserve);
  const rest = disk.fill();
  const again = await startProcess({ dataDir, hub: url, args: SIZES });
  await drained(again.httpPort);
  expect(hub.values().map(Number)).toEqual(Array.from({ length: READINGS }, (_, n) => n));
  expect(hasReserve()).toBe(false);
  rmSync(rest);
  await until('there is room', hasReserve);
  expect(await again.kill('SIGTERM')).toBe(0);
});
