import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDir, until } from '../testing/fixture.ts';
import { openErrorText } from './open-error.ts';
import { plug } from './testing/pty.ts';
import { Tty, type TtySettings } from './tty.ts';

const SETTINGS: TtySettings = { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1, flow: 'none' };

async function open(path: string, onData: (text: string, tty: () => Tty) => void = () => {}) {
  const seen = { text: '', lost: [] as string[] };
  const tty: Tty = await Tty.open(path, SETTINGS, {
    data: (chunk) => {
      seen.text += chunk.toString('latin1');
      onData(seen.text, () => tty);
    },
    lost: (reason) => seen.lost.push(reason),
  });
  onTestFinished(() => tty.close());
  return { tty, seen };
}

test('a port that hangs up between two reads is lost at once: serialport read nothing for ever, on a whole processor', async () => {
  const cable = await plug(temporaryDir());
  const { seen } = await open(cable.line, () => {
    // The next read meets a terminal that is hung up already, and no event will say so.
    process.kill(cable.pid, 'SIGKILL');
    spawnSync('sleep', ['0.2']);
  });
  cable.send('last words');
  await until('the loss was seen', () => seen.lost.length > 0);
  expect(seen.text).toBe('last words');
  expect(seen.lost).toHaveLength(1);
});

test('a port that hangs up while nothing comes is lost at once', async () => {
  const cable = await plug(temporaryDir());
  const { seen } = await open(cable.line);
  await cable.unplug();
  await until('the loss was seen', () => seen.lost.length > 0);
});

test('what came while the port was paused is read when it goes on', async () => {
  const cable = await plug(temporaryDir());
  const { tty, seen } = await open(cable.line, (_, port) => port().pause());
  cable.send('one');
  await until('the first bytes are there', () => seen.text === 'one');
  cable.send('two');
  tty.readWaiting();
  expect(seen.text).toBe('one');
  tty.resume();
  await until('the rest is there', () => seen.text === 'onetwo');
});

test('a port can be set anew, speed alone or all of it, and goes on in both directions', async () => {
  const cable = await plug(temporaryDir());
  // socat takes a terminal that nobody has open for gone; a port of the machine stays.
  const held = openSync(cable.line, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(held));
  const far = await open(cable.instrument);
  const near = await open(cable.line);
  near.tty.write(Buffer.from('a'));
  await until('it was sent', () => far.seen.text === 'a');
  await near.tty.setLine({ ...SETTINGS, baudRate: 300 });
  near.tty.write(Buffer.from('b'));
  await until('it was sent', () => far.seen.text === 'ab');
  await near.tty.setLine({ baudRate: 300, dataBits: 7, parity: 'even', stopBits: 1 });
  near.tty.write(Buffer.from('c'));
  await until('all was sent', () => far.seen.text === 'abc');
  far.tty.write(Buffer.from('answer'));
  await until('the answer is there', () => near.seen.text === 'answer');
  expect(near.seen.lost).toEqual([]);
});

test('a port that cannot be opened says why, and what is to be done', async () => {
  await expect(open('/nowhere/port')).rejects.toThrow(/^No such file or directory/);
  await expect(open('/dev/null')).rejects.toThrow(/^it is no serial port/);
  const { line } = await plug(temporaryDir());
  await open(line);
  await expect(open(line)).rejects.toThrow(/^another program has it open/);
  expect(openErrorText('/dev/null', 'Error: Permission denied, cannot open /dev/null')).toMatch(
    /^Permission denied.* its group, (root|wheel|mostly)/,
  );
});
