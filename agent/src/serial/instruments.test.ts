import { closeSync, constants, openSync, readSync } from 'node:fs';
import { createRandom } from '@edgelog/devices/random.ts';
import { INSTRUMENT_NAMES, INSTRUMENTS, type InstrumentName } from '@edgelog/devices/serial/instruments.ts';
import {
  type NoiseCounts,
  type NoiseOptions,
  noiseOf,
  noisy,
  QUIET_LINE,
} from '@edgelog/devices/serial/noise.ts';
import { runInstrument } from '@edgelog/devices/serial/run-instrument.ts';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { serialSettingSchema } from './setting.ts';
import { plug } from './testing/pty.ts';

/** Readings per instrument before the line is pulled, and after. */
const READINGS = 2;
/** IEC 62056-21 prescribes pauses of tenths of a second, so it is asked as often as it can be. */
const EVERY = '50ms';
/** Answers that were spoilt are waited for, repeated, and may be spoilt again. */
const WAIT_MS = 110_000;

/** As bad as the protocol's check allows: what a check cannot find is no fault of its reader. */
function noiseFor(name: InstrumentName): NoiseOptions {
  // Lines of thermometers have no check: a flipped bit is a value like any other.
  if (name === 'ds18b20') return { ...QUIET_LINE, split: 0.5, silent: 0.2 };
  // A XOR is the same without two equal bytes that were lost.
  if (name === 'gps' || name === 'iec62056') return { ...noiseOf(0.05), lose: 0 };
  return noiseOf(0.05);
}

test('instruments of every protocol on bad lines that are unplugged on the way: what is in the log is what they sent, and bad frames are counted', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const isPolled = (name: string) => ['xy-md02', 'heat-meter', 'iec62056'].includes(name);
  const lines = INSTRUMENT_NAMES.map((name) => {
    const counts: NoiseCounts = { messages: 0, spoilt: 0 };
    const sent: Record<string, unknown>[] = [];
    const create = () =>
      noisy(
        INSTRUMENTS[name].create({
          random: createRandom(name),
          clock: Date.now,
          everyMs: 50,
          onSent: (values) => sent.push(values),
        }),
        noiseFor(name),
        createRandom(`${name} noise`),
        counts,
      );
    return { name, path: `${dir}/${name}`, sent, counts, create };
  });
  const plugAll = async () => Promise.all(lines.map(({ path, create }) => runInstrument(path, create())));
  let plugged = await plugAll();
  onTestFinished(async () => void (await Promise.all(plugged.map((terminal) => terminal.close()))));
  const agent = await testAgent({
    dataDir: `${dir}/data`,
    hub: [(await testHub(hub)).url],
    serial: lines.map(({ name, path }) =>
      serialSettingSchema.parse({
        port: path,
        name,
        profile: INSTRUMENTS[name].profile,
        ...(isPolled(name) ? { every: EVERY } : {}),
      }),
    ),
  });
  const readings = (name: string) =>
    hub.records().filter(({ key }) => key?.toString().split('/')[0] === name);
  const allHave = (atLeast: (line: number) => number) =>
    lines.every(({ name }, i) => readings(name).length >= atLeast(i));
  await until('every instrument was read', () => allHave(() => READINGS), WAIT_MS);

  await Promise.all(plugged.map((terminal) => terminal.close()));
  plugged = [];
  await until('the loss was seen', () => agent.status().serial.every(({ state }) => state !== 'open'));
  plugged = await plugAll();
  const before = lines.map(({ name }) => readings(name).length);
  await until('every instrument was read again', () => allHave((line) => before[line]! + READINGS), WAIT_MS);

  for (const { name, sent } of lines) {
    for (const { value, headers } of readings(name)) {
      const reading = JSON.parse(value!.toString()) as Record<string, unknown>;
      const source = sent.find((one) => Object.entries(one).every(([key, part]) => reading[key] === part));
      expect(source, `${name} never sent ${value}`).toBeDefined();
      const profile = headers.find(({ key }) => key === 'edgelog.profile');
      expect(profile?.value?.toString()).toBe(INSTRUMENTS[name].profile);
    }
  }
  await until('a telegram was spoilt and counted', () =>
    agent
      .status()
      .serial.some((line) => 'faults' in line && Object.values(line.faults).some((count) => count > 0)),
  );
});

test('a stall of the agent does not make an answer late that was there in time', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { line, instrument, send } = await plug(dir);
  const agent = await testAgent({
    dataDir: `${dir}/data`,
    hub: [(await testHub(hub)).url],
    serial: [serialSettingSchema.parse({ port: line, profile: 'xy-md02', every: '60s' })],
  });
  const fd = openSync(instrument, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  onTestFinished(() => closeSync(fd));
  let request = Buffer.alloc(0);
  await until('the request has come', () => {
    const bytes = Buffer.alloc(8);
    try {
      request = Buffer.concat([request, bytes.subarray(0, readSync(fd, bytes))]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return request.length >= 8;
  });
  send(Buffer.from('010404013102222ace', 'hex'));
  // Longer than the profile waits for an answer.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_200);
  await until('the reading has arrived', () => hub.values().length === 1);
  expect(hub.values()).toEqual(['{"temperature":30.5,"humidity":54.6}']);
  expect(agent.status().serial[0]).toMatchObject({ faults: { timeout: 0, framing: 0 } });
});
