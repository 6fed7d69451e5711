import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFailed, test } from 'vitest';
import { consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { freePorts } from '../harness/ports.ts';
import { edgelog } from '../harness/process.ts';
import { System } from '../harness/system.ts';
import { until } from '../harness/wait.ts';

interface AgentStatus {
  streams: { run: { producerId: number; firstOffset: number } }[];
  uplink: { state: string; refusal?: { code: string; message: string } };
  alarms: { name: string; message: string }[];
}

interface HubStatus {
  gaps: { topic: string; from: number; to: number; reason: string }[];
  runs: { producerId: number; gateway: string }[];
  duplicateGateways: { gateway: string; holder: { instance: string }; refused: { instance: string } }[];
}

let system: System;

beforeEach(async () => {
  system = await System.create();
  onTestFailed(() => void process.stderr.write(system.output()));
});

afterEach(async () => {
  await system?.stop();
});

/** Publishes `<name>:0 … <name>:count−1` and waits until the hub has acknowledged them. */
async function deliver(name: string, count: number, padBytes = 0): Promise<void> {
  const padding = (): string => (padBytes === 0 ? '' : `:${randomText(padBytes)}`);
  const payload = (n: number): Buffer => Buffer.from(`${name}:${n}${padding()}`);
  await new MqttLoad({ port: system.ports.mqtt, clientId: name, payload }).run(count);
  await system.drained();
}

/** Text that does not compress. */
function randomText(bytes: number): string {
  return Buffer.from(Array.from({ length: bytes }, () => Math.random() * 256)).toString('base64');
}

/** Copies the stopped agent's directory and starts the agent again. */
async function backUpAgent(): Promise<string> {
  await system.agent!.stop();
  const backup = join(system.dir, 'agent-backup');
  cpSync(system.agentDir, backup, { recursive: true });
  await system.startAgent();
  return backup;
}

async function restoreAgent(backup: string): Promise<void> {
  await system.agent!.stop('SIGKILL');
  rmSync(system.agentDir, { recursive: true });
  cpSync(backup, system.agentDir, { recursive: true });
  await system.startAgent();
}

const expected = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${name}:${n}`);

async function stored(): Promise<string[]> {
  const records = await consumeAll(system.bootstrap, 'telemetry');
  return records.map(({ value }) => value.split(':').slice(0, 2).join(':'));
}

async function alarm(pattern: RegExp): Promise<string> {
  return until(`the agent raises an alarm ${pattern}`, async () => {
    const { alarms } = await system.agentStatus<AgentStatus>();
    return alarms.map(({ name, message }) => `${name}: ${message}`).find((text) => pattern.test(text));
  });
}

test('recreated stream stalls the hub (NATS): a wiped hub gets what the gateway still holds, in a new run, and the gateway says so', async () => {
  await system.start();
  await deliver('before', 500);
  const [old] = (await system.agentStatus<AgentStatus>()).streams;
  await system.hub!.stop('SIGKILL');
  rmSync(system.hubDir, { recursive: true });
  await system.startHub();
  expect(await alarm(/telemetry/)).toMatch(/holds less than it acknowledged/);
  await deliver('after', 500);
  expect(await stored()).toEqual([...expected('before', 500), ...expected('after', 500)]);
  const [run] = (await system.agentStatus<AgentStatus>()).streams;
  expect(run!.run.producerId).not.toBe(old!.run.producerId);
  expect((await system.hubStatus<HubStatus>()).gaps).toEqual([]);
});

test('purged offsets jumped silently (MirrorMaker 2): what a wiped hub can not get again is declared as a gap of exact offsets', async () => {
  await system.startHub();
  await system.startAgent(['--replay-bytes', '50000']);
  await deliver('before', 500, 1000);
  await system.hub!.stop('SIGKILL');
  rmSync(system.hubDir, { recursive: true });
  await system.startHub();
  await deliver('after', 100);
  const gaps = await until('the gap is at the hub', async () => {
    const status = await system.hubStatus<HubStatus>();
    return status.gaps.length > 0 && status.gaps;
  });
  expect(gaps).toHaveLength(1);
  const { from, to, reason } = gaps[0]!;
  expect({ from, reason }).toEqual({ from: 0, reason: 'hub-lost-data' });
  expect(await stored()).toEqual([...expected('before', 500).slice(to), ...expected('after', 100)]);
});

test('a hub restored from an older copy gets the rest again, nothing twice', async () => {
  await system.start();
  await deliver('first', 300);
  await system.hub!.stop();
  const copy = join(system.dir, 'hub-copy');
  cpSync(system.hubDir, copy, { recursive: true });
  await system.startHub();
  await deliver('second', 300);
  await system.hub!.stop('SIGKILL');
  rmSync(system.hubDir, { recursive: true });
  cpSync(copy, system.hubDir, { recursive: true });
  await system.startHub();
  await deliver('third', 300);
  expect(await stored()).toEqual([
    ...expected('first', 300),
    ...expected('second', 300),
    ...expected('third', 300),
  ]);
});

test('infinite loop after reset (Vector): an agent restored from an older copy opens a new run; nothing at the hub is overwritten', async () => {
  await system.start();
  await deliver('first', 300);
  const backup = await backUpAgent();
  await deliver('second', 300);
  await restoreAgent(backup);
  expect(await alarm(/telemetry/)).toMatch(/hub-ahead|ahead|backup|copy/);
  await deliver('third', 300);
  expect(await stored()).toEqual([
    ...expected('first', 300),
    ...expected('second', 300),
    ...expected('third', 300),
  ]);
  const { runs } = await system.hubStatus<HubStatus>();
  expect(runs.filter(({ gateway }) => gateway === system.gateway)).toHaveLength(2);
});

test('an agent restored from an older copy that went on recording offline delivers all it recorded', async () => {
  await system.start();
  await deliver('first', 300);
  const backup = await backUpAgent();
  await deliver('second', 300);
  await system.hub!.stop();
  await restoreAgent(backup);
  await new MqttLoad({
    port: system.ports.mqtt,
    clientId: 'offline',
    payload: (n) => Buffer.from(`offline:${n}`),
  }).run(900);
  await system.startHub();
  await alarm(/telemetry/);
  await system.drained();
  expect(await stored()).toEqual([
    ...expected('first', 300),
    ...expected('second', 300),
    ...expected('offline', 900),
  ]);
});

test('two live agents with one identity: the second is refused by name, on both sides, and the first goes on', async () => {
  await system.start();
  await deliver('first', 50);
  const cloneDir = join(system.dir, 'clone');
  cpSync(system.agentDir, cloneDir, { recursive: true });
  const [mqtt, http] = await freePorts(2);
  const clone = edgelog([
    ...[
      'agent',
      '--data-dir',
      cloneDir,
      '--gateway',
      system.gateway,
      '--hub',
      `ws://127.0.0.1:${system.ports.sync}`,
    ],
    ...['--mqtt', `127.0.0.1:${mqtt}`, '--http', `127.0.0.1:${http}`],
  ]);
  try {
    await clone.ready();
    const refusal = await until('the clone is refused', async () => {
      const status = (await (await fetch(`http://127.0.0.1:${http}/status`)).json()) as AgentStatus;
      return status.uplink.refusal;
    });
    expect(refusal.code).toBe('duplicate-instance');
    expect(refusal.message).toContain(system.gateway);
    const { duplicateGateways } = await system.hubStatus<HubStatus>();
    expect(duplicateGateways.map(({ gateway }) => gateway)).toEqual([system.gateway]);
    expect((await fetch(`http://127.0.0.1:${http}/healthz`)).status).toBe(503);
    await deliver('second', 50);
    expect(await stored()).toEqual([...expected('first', 50), ...expected('second', 50)]);
  } finally {
    await clone.stop();
  }
});
