import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFailed, test } from 'vitest';
import { consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { edgelog, run, TestProcess } from '../harness/process.ts';
import { System } from '../harness/system.ts';
import { until } from '../harness/wait.ts';

const TOPIC = 'telemetry';

let system: System;

beforeEach(async () => {
  system = await System.create();
  onTestFailed(() => void process.stderr.write(system.output()));
});

afterEach(async () => {
  await system?.stop();
});

/** Flips a bit of `text` where a stopped process has stored it. */
function flipBitIn(dataDir: string, text: string): void {
  const segments = join(dataDir, 'segments');
  for (const name of readdirSync(segments).filter((file) => file.endsWith('.mdb'))) {
    const bytes = readFileSync(join(segments, name));
    const at = bytes.indexOf(text);
    if (at < 0) continue;
    bytes[at]! ^= 0x20;
    writeFileSync(join(segments, name), bytes);
    return;
  }
  expect.fail(`${text} is stored in no segment of ${dataDir}`);
}

test('a consumer is told of a damaged batch, reads up to it, and goes on behind it when it seeks', async () => {
  const kcat = (...args: string[]) => ['-b', system.bootstrap, '-t', TOPIC, '-p', '0', ...args];
  await system.startHub();
  for (const value of ['first', 'second', 'third', 'fourth']) {
    const { code, stderr } = await run('kcat', kcat('-P'), { input: `${value.repeat(500)}\n` });
    expect([code, stderr]).toEqual([0, '']);
  }
  await system.hub!.stop();
  flipBitIn(system.hubDir, 'secondsecond');
  const verify = edgelog(['verify', system.hubDir, '--json']);
  expect((await verify.exited).code).toBe(1);
  expect(JSON.parse(verify.stdout).damage).toMatchObject([
    { partition: `${TOPIC}-0`, firstOffset: 1, lastOffset: 1 },
  ]);

  await system.startHub();
  const stuck = new TestProcess('kcat', 'kcat', kcat('-C', '-o', 'beginning', '-f', '%o %S\n', '-u'));
  try {
    await until('kcat tells of the damage', () => /message|CRC|corrupt/i.test(stuck.stderr));
    // What it writes comes by two pipes.
    await until('kcat has read up to it', () => stuck.stdout.includes('\n'));
    expect(stuck.stdout).toBe('0 2500\n');
  } finally {
    await stuck.stop('SIGKILL');
  }
  const { damage } = await system.hubStatus<{ damage: { topic: string; nextOffset: number }[] }>();
  expect(damage).toMatchObject([{ topic: TOPIC, partition: 0, firstOffset: 1, nextOffset: 2 }]);
  const behind = await run('kcat', kcat('-C', '-e', '-q', '-o', String(damage[0]!.nextOffset), '-f', '%o\n'));
  expect(behind).toMatchObject({ code: 0, stdout: '2\n3\n' });
  expect(system.hub!.stderr.split('stored batch cannot be read')).toHaveLength(2);
});

test('checksum mismatch stops upload for ever (IoT Edge), manual DB deletion (OTel): a gateway leaves out what it cannot read, tells the hub of the gap, and sends the rest', async () => {
  const count = 100;
  const small = ['--batch-bytes', '1024', '--compression', 'none'];
  const values = Array.from({ length: count }, (_, n) => `reading:${n}:${'x'.repeat(100)}`);
  await system.startAgent(small);
  const payload = (n: number): Buffer => Buffer.from(values[n]!);
  await new MqttLoad({ port: system.ports.mqtt, clientId: 'meter', payload }).run(count);
  await system.agent!.stop();
  flipBitIn(system.agentDir, 'reading:40:');
  await system.start();
  await system.drained();
  type Gap = { topic: string; from: number; to: number; reason: string };
  const { gaps } = await until('the hub knows of the gap', async () => {
    const status = await system.hubStatus<{ gaps: Gap[] }>();
    return status.gaps.length > 0 && status;
  });
  expect(gaps).toMatchObject([{ topic: TOPIC, reason: 'quarantined' }]);
  const { from, to } = gaps[0]!;
  expect([from <= 40 && 40 < to, to - from < 20]).toEqual([true, true]);
  const records = await consumeAll(system.bootstrap, TOPIC);
  expect(records.map(({ value }) => value)).toEqual(values.filter((_, n) => n < from || n >= to));
  const { alarms } = await system.agentStatus<{ alarms: { name: string }[] }>();
  expect(alarms).toMatchObject([{ name: `damaged ${TOPIC}` }]);
});
