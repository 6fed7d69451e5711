import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IPubackPacket } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { fillDisk } from '../testing/fill-disk.ts';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';
import type { SerialStatus } from './serial-line.ts';
import { serialSettingSchema } from './setting.ts';
import { plug } from './testing/pty.ts';

/** An agent with serial lines as a user would set them. */
async function agentWith(dir: string, serial: unknown[], hub?: MemoryHub) {
  const agent = await testAgent({
    dataDir: `${dir}/data`,
    serial: serial.map((one) => serialSettingSchema.parse(one)),
    maxMessageBytes: 100,
    ...(hub === undefined ? {} : { hub: [(await testHub(hub)).url] }),
  });
  return {
    agent,
    serial: (at = 0) => agent.status().serial[at] as SerialStatus,
    alarms: () => agent.status().alarms.map(({ name }) => name),
    endOffset: () => agent.status().streams[0]?.endOffset ?? 0,
  };
}

test('lines of a serial instrument arrive in order with the port as key; an overlong one is dropped and counted', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { line, send } = await plug(dir);
  const { agent, serial } = await agentWith(dir, [`${line}@9600`], hub);
  await until('the line is open', () => serial().state === 'open');
  send(`T=21.5\r\nT=21.6\n${'x'.repeat(200)}\nT=`);
  send('21.7\n');
  await until('three frames are acknowledged', () => agent.status().streams[0]?.ackedOffset === 3);
  expect(hub.values()).toEqual(['T=21.5', 'T=21.6', 'T=21.7']);
  expect(hub.records()[0]!.key!.toString()).toBe(line);
  expect(hub.records()[0]!.headers.at(-1)!.value!.toString()).toBe(`serial:${line}`);
  expect(serial()).toMatchObject({ frames: 3, overlong: 1, baudRate: 9600 });
});

test('a line that is missing at first, and is unplugged later, is opened again', async () => {
  const dir = temporaryDir();
  const path = `${dir}/line`;
  const { serial, endOffset, alarms } = await agentWith(dir, [path]);
  await until('it was missed', () => serial().state === 'waiting');
  for (let round = 1; round <= 2; round++) {
    const { send, unplug } = await plug(dir);
    await until('the line is open', () => serial().state === 'open');
    expect(alarms()).toEqual([]);
    send(`round ${round}\n`);
    await until('the frame is there', () => serial().frames === round);
    await unplug();
    await until('the loss was seen', () => serial().state === 'waiting');
    expect(alarms()).toEqual([`serial lost ${path}`]);
  }
  expect(endOffset()).toBe(2);
});

test('an adapter that is pulled and says nothing, as some do until they are written to, is missed by its device file', async () => {
  const dir = temporaryDir();
  const { line } = await plug(dir);
  const { serial, alarms } = await agentWith(dir, [line]);
  await until('the line is open', () => serial().state === 'open');
  // Both ends of the cable go on as if nothing had happened.
  rmSync(line);
  await until('the loss was seen', () => serial().state === 'waiting');
  expect(serial().lastError).toMatch(/unplugged|No such file/);
  expect(alarms()).toEqual([`serial lost ${line}`]);
});

test('a frame cut by the unplugging is not joined to the next plugging', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { serial } = await agentWith(dir, [`${dir}/line`], hub);
  const first = await plug(dir);
  await until('the line is open', () => serial().state === 'open');
  first.send('whole\nhal');
  await until('all was read', () => serial().bytes === 9);
  await first.unplug();
  await until('the loss was seen', () => serial().state === 'waiting');
  const second = await plug(dir);
  await until('the line is open again', () => serial().state === 'open');
  second.send('f\n');
  await until('both frames are there', () => hub.values().length === 2);
  expect(hub.values()).toEqual(['whole', 'f']);
});

test('serial port vanishes and nobody notices: a silent line raises an alarm, is opened anew, and the alarm ends with its first byte', async () => {
  const dir = temporaryDir();
  const { line, send } = await plug(dir);
  const { serial, alarms } = await agentWith(dir, [{ port: line, name: 'meter', silenceMs: 100 }]);
  await until('it was opened anew', () => serial().silences > 0 && serial().opened > 1);
  expect(alarms()).toContain('serial silent meter');
  await until('bytes come', () => {
    send('x\n');
    return !alarms().includes('serial silent meter');
  });
});

test('readings of a port with a topic go there, with or without a name, and those of other ports to the default', async () => {
  const dir = temporaryDir();
  const settings = [
    { port: `${dir}/a`, name: 'hall', topic: 'meters' },
    { port: `${dir}/b-*-port`, topic: 'scales' },
    { port: `${dir}/c` },
  ];
  const { agent, serial } = await agentWith(dir, settings);
  for (const [at, name] of ['a', 'b-1-port', 'c'].entries()) {
    const { send } = await plug(dir, name);
    await until('the line is open', () => serial(at).state === 'open');
    send('x\n');
    await until('the frame is there', () => serial(at).frames === 1);
  }
  expect(
    agent
      .status()
      .streams.map(({ topic }) => topic)
      .toSorted(),
  ).toEqual(['meters', 'scales', 'telemetry']);
});

test('two ports by pattern are two lines with names of their own; one that is plugged later joins them', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { agent, serial } = await agentWith(dir, [{ port: `${dir}/meter-*-port`, name: 'meter' }], hub);
  expect(agent.status().serial).toEqual([{ path: `${dir}/meter-*-port`, state: 'missing' }]);
  for (const [at, name] of ['meter-a-port', 'meter-b-port'].entries()) {
    const { send } = await plug(dir, name);
    await until('the line is open', () => serial(at)?.state === 'open');
    send(`from ${name}\n`);
    await until('the frame has arrived', () => hub.values().length === at + 1);
  }
  expect(hub.records().map(({ key }) => key!.toString())).toEqual([
    'meter/meter-a-port',
    'meter/meter-b-port',
  ]);
  expect(agent.status().alarms).toEqual([]);
});

test('noise between frames with a checksum costs only what it hits, and is counted', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { line, send } = await plug(dir);
  const { serial } = await agentWith(
    dir,
    [
      {
        port: line,
        framing: { type: 'markers', start: [2], end: [3], checksum: { type: 'xor', at: 'after-end' } },
      },
    ],
    hub,
  );
  await until('the line is open', () => serial().state === 'open');
  const frame = (text: string) =>
    Buffer.from([2, ...Buffer.from(text), 3, Buffer.from(text).reduce((a, b) => a ^ b)]);
  const hit = frame('21.6');
  hit[2] = 0xff;
  for (const part of [frame('21.5'), Buffer.from([0xff, 0]), hit, frame('21.7')]) {
    send(part.subarray(0, 2));
    send(part.subarray(2));
  }
  await until('both whole frames have arrived', () => hub.values().length === 2);
  expect(hub.values()).toEqual(['21.5', '21.7']);
  expect(serial().faults).toMatchObject({ checksum: 1 });
});

test('a frame that ends with a silence is taken though nothing follows it', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { line, send } = await plug(dir);
  const { serial } = await agentWith(dir, [{ port: line, framing: { type: 'gap', gapMs: 100 } }], hub);
  await until('the line is open', () => serial().state === 'open');
  send('burst');
  await until('the frame has arrived', () => hub.values().length === 1);
  expect(hub.values()).toEqual(['burst']);
});

test('a full disk loses readings of serial lines: an alarm says so until somebody says that he has seen it', async () => {
  const dir = temporaryDir();
  const { line, send } = await plug(dir);
  const agent = await testAgent({
    dataDir: `${dir}/data`,
    serial: [serialSettingSchema.parse({ port: line, name: 'scale' })],
    maxDiskBytes: 16 * 2 ** 20,
    compression: 'none',
  });
  const serial = () => agent.status().serial[0] as SerialStatus;
  const alarm = () => agent.status().alarms.some(({ name }) => name === 'dropped serial scale');
  await until('the line is open', () => serial().state === 'open');
  const filler = await RawMqtt.connect5(agent.mqttPort, { clientId: 'filler' });
  let sent = 0;
  await fillDisk(async () => {
    sent += 1;
    filler.send(publishPacket('t', randomBytes(200_000), { messageId: sent }));
    const acks = (await filler.packets('puback', sent)) as IPubackPacket[];
    return (acks.at(-1)!.reasonCode ?? 0) === 0;
  });
  expect(alarm()).toBe(false);
  let lines = 0;
  await until('a reading is refused', () => {
    const { frames, refused } = serial();
    if (frames + refused === lines) {
      send(`${'x'.repeat(2000)}\n`);
      lines += 1;
    }
    return refused > 0;
  });
  expect(alarm()).toBe(true);
  const { status } = await fetch(`http://127.0.0.1:${agent.httpPort}/alarms/acknowledge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ alarm: 'dropped serial scale' }),
  });
  expect(status).toBe(200);
  expect(alarm()).toBe(false);
});

test('an instrument with a profile gives readings with names, under the port and its name', async () => {
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const { line, send } = await plug(dir);
  const { serial } = await agentWith(dir, [{ port: line, name: 'gps', profile: 'nmea-gps' }], hub);
  await until('the line is open', () => serial().state === 'open');
  expect(serial().baudRate).toBe(4800);
  send('\x00\xffnoise$GPVTG,054.7,T,034.4,M,005.5,N,010.2,K*48\r\n');
  await until('the reading has arrived', () => hub.values().length === 1);
  expect(JSON.parse(hub.values()[0]!)).toBeTypeOf('object');
  expect(hub.records()[0]!.headers.map(({ key }) => key)).toContain('edgelog.profile');
});

test.each([
  [{ port: '/dev/x', profile: 'nmea-gps', framing: 'line' }, /framing or profile, not both/],
  [{ port: '/dev/x', every: '10s' }, /expected a profile/],
  [{ port: '/dev/x', framing: { type: 'lin' } }, /framing/],
  [{ port: 'usb:0403:6001', topic: 'x' }, /expected a name beside topic/],
  [{ port: '/dev/x', topic: 'a b' }, /Kafka topic name/],
  [{ port: 'usb:12' }, /expected a path/],
  [{ port: '/dev/x', baud: 9600 }, /baud/],
  ['/dev/x@fast', /PATH@BAUD/],
  [7, /expected PATH/],
])('a setting that cannot be is refused with the reason: %j', (setting, reason) => {
  expect(serialSettingSchema.safeParse(setting).error?.message).toMatch(reason);
});

test('a profile that is not there ends the start, naming those there are, though its port is not plugged', async () => {
  const start = agentWith(temporaryDir(), [{ port: '/dev/none-*', profile: 'nmea-gsp' }]);
  await expect(start).rejects.toThrow(/no profile "nmea-gsp".*nmea-gps/);
});

test("the README's shell script on a serial port is an instrument", async () => {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const script = /```sh\n([\s\S]*?)```/.exec(readme)![1]!;
  const hub = new MemoryHub();
  const dir = temporaryDir();
  const path = join(dir, 'thermometer.sh');
  writeFileSync(path, script);
  const { line, instrument } = await plug(dir);
  const { serial } = await agentWith(dir, [`${line}@9600`], hub);
  await until('the line is open', () => serial().state === 'open');
  const ended = new Promise((resolve) =>
    spawn('sh', [path, instrument], { stdio: 'inherit' }).on('close', resolve),
  );
  expect(await ended).toBe(0);
  await until('all readings have arrived', () => hub.values().length === 5);
  expect(hub.values()).toEqual([21.5, 21.6, 21.6, 21.7, 21.8].map((celsius) => `temperature=${celsius}`));
});

test('the example of the README is a valid section', () => {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const { serial } = parse(/```yaml\n([\s\S]*?)```/.exec(readme)![1]!) as { serial: unknown[] };
  expect(serial).toHaveLength(3);
  for (const one of serial) expect(serialSettingSchema.safeParse(one).error?.issues).toBeUndefined();
});
