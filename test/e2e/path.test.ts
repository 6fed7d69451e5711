import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consumeAll } from '../harness/kcat.ts';
import { run, TestProcess } from '../harness/process.ts';
import { System } from '../harness/system.ts';
import { until } from '../harness/wait.ts';

let system: System;
let socat: TestProcess;
let device: string;

beforeAll(async () => {
  system = await System.create();
  device = join(system.dir, 'tty-device');
  const line = join(system.dir, 'tty-gateway');
  socat = new TestProcess('socat', 'socat', [
    '-d',
    '-d',
    `pty,raw,echo=0,link=${line}`,
    `pty,raw,echo=0,link=${device}`,
  ]);
  await until('socat made the pseudo-terminals', () => socat.stderr.includes('starting data transfer'));
  await system.startHub();
  await system.startAgent(['--serial', line]);
  const isClockTrusted = async () =>
    (await system.agentStatus<{ clock: { trusted: boolean } }>()).clock.trusted;
  await until('the hub has handed out its time', isClockTrusted);
});

afterAll(async () => {
  await system?.stop();
  await socat?.stop();
});

async function mosquittoPub(...args: string[]): Promise<void> {
  const { code, stderr } = await run('mosquitto_pub', [
    '-h',
    '127.0.0.1',
    '-p',
    String(system.ports.mqtt),
    ...args,
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

test('mosquitto_pub at QoS 0, 1 and 2 comes out of kcat with key, value, headers and order', async () => {
  for (const qos of ['0', '1', '2']) {
    for (const n of [1, 2]) {
      const to = ['-i', `sensor-${qos}`, '-q', qos, '-t', `plant/qos${qos}`];
      await mosquittoPub(...to, '-m', `{"qos":${qos},"n":${n}}`);
    }
  }
  const records = await until('six records are at the hub', async () => {
    const all = await consumeAll(system.bootstrap, 'telemetry');
    return all.length >= 6 && all;
  });
  expect(records).toHaveLength(6);
  expect(new Set(records.map((record) => record.partition)).size).toBe(1);
  for (const [index, record] of records.entries()) {
    const qos = Math.floor(index / 2);
    expect(record.key).toBe(`plant/qos${qos}`);
    expect(JSON.parse(record.value)).toEqual({ qos, n: (index % 2) + 1 });
    expect(record.headers).toBe(`edgelog.gateway=gw-1,edgelog.source=mqtt:sensor-${qos}`);
  }
});

test('a line written into a serial port comes out of kcat', async () => {
  writeFileSync(device, 'W,+0012.34,kg\r\nW,+0012.35,kg\n');
  const records = await until('the lines are at the hub', async () => {
    const all = await consumeAll(system.bootstrap, 'telemetry');
    const serial = all.filter((record) => record.headers.includes('edgelog.source=serial:'));
    return serial.length >= 2 && serial;
  });
  const line = join(system.dir, 'tty-gateway');
  expect(records.map((record) => [record.key, record.value])).toEqual([
    [line, 'W,+0012.34,kg'],
    [line, 'W,+0012.35,kg'],
  ]);
  expect(records[0]!.headers).toBe(`edgelog.gateway=gw-1,edgelog.source=serial:${line}`);
});

test('binary and empty payloads are carried as they are', async () => {
  const file = join(system.dir, 'payload.bin');
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  writeFileSync(file, bytes);
  await mosquittoPub('-i', 'binary', '-q', '1', '-t', 'plant/binary', '-f', file);
  await mosquittoPub('-i', 'empty', '-q', '1', '-t', 'plant/empty', '-n');
  const out = await until('both are at the hub', async () => {
    const args = [
      '-b',
      system.bootstrap,
      '-C',
      '-t',
      'telemetry',
      '-o',
      'beginning',
      '-e',
      '-q',
      '-f',
      '%k %S\n',
    ];
    const { stdout } = await run('kcat', args);
    return stdout.includes('plant/empty') && stdout;
  });
  expect(out).toContain('plant/binary 256\n');
  expect(out).toContain('plant/empty 0\n');
});
