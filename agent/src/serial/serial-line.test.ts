import { spawn } from 'node:child_process';
import { existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';

/** A pair of pseudo-terminals: what is written into one comes out of the other. */
async function pty(dir: string): Promise<{ instrument: string; line: string; unplug(): Promise<void> }> {
  const [instrument, line] = [join(dir, 'instrument'), join(dir, 'line')];
  const child = spawn('socat', [`pty,raw,echo=0,link=${instrument}`, `pty,raw,echo=0,link=${line}`]);
  const unplug = async () => {
    child.kill();
    await until('socat has ended', () => child.exitCode !== null || child.signalCode !== null);
  };
  onTestFinished(unplug);
  await until('the pseudo-terminals are there', () => existsSync(instrument) && existsSync(line));
  return { instrument, line, unplug };
}

test('lines of a serial instrument arrive in order with the port as key; an overlong one is dropped and counted', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { instrument, line } = await pty(dir);
  const agent = await testAgent({
    dataDir: join(dir, 'data'),
    hub: [(await testHub(hub)).url],
    serial: [`${line}@9600`],
    maxMessageBytes: 100,
  });
  const serial = () => agent.status().serial[0]!;
  await until('the line is open', () => serial().state === 'open');
  const out = openSync(instrument, 'w');
  writeSync(out, `T=21.5\r\nT=21.6\n${'x'.repeat(200)}\nT=`);
  writeSync(out, '21.7\n');
  await until('three frames are acknowledged', () => agent.status().streams[0]?.ackedOffset === 3);
  expect(hub.values()).toEqual(['T=21.5', 'T=21.6', 'T=21.7']);
  expect(hub.records()[0]!.key!.toString()).toBe(line);
  expect(hub.records()[0]!.headers.at(-1)!.value!.toString()).toBe(`serial:${line}`);
  expect(serial()).toMatchObject({ frames: 3, overlong: 1, baudRate: 9600 });
});

test('a line that is missing at first, and is unplugged later, is opened again', async () => {
  const dir = temporaryDir();
  const path = join(dir, 'line');
  const agent = await testAgent({ dataDir: join(dir, 'data'), serial: [path] });
  const serial = () => agent.status().serial[0]!;
  await until('it was missed', () => serial().state === 'waiting');
  for (let round = 1; round <= 2; round++) {
    const { instrument, unplug } = await pty(dir);
    await until('the line is open', () => serial().state === 'open');
    writeSync(openSync(instrument, 'w'), `round ${round}\n`);
    await until('the frame is there', () => serial().frames === round);
    await unplug();
    await until('the loss was seen', () => serial().state === 'waiting');
  }
  expect(agent.status().streams[0]!.endOffset).toBe(2);
});
