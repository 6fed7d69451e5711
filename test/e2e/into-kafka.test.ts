import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFailed, test } from 'vitest';
import { checkDelivery, labelled } from '../harness/check-delivery.ts';
import { consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { freePorts } from '../harness/ports.ts';
import { edgelog, type TestProcess } from '../harness/process.ts';
import { System } from '../harness/system.ts';
import { until } from '../harness/wait.ts';

/** A hub of our own stands for the Kafka cluster: it speaks the same, and is there in a second. Real Kafka: test/kafka. */
let cluster: System;
let url: string;
let others: TestProcess[] = [];

beforeEach(async () => {
  const started: TestProcess[] = [];
  others = started;
  onTestFailed(() => void process.stderr.write(started.map((one) => one.output()).join('\n')));
  cluster = await System.create();
  url = `kafka://${cluster.bootstrap}`;
  await cluster.startHub();
});
afterEach(async () => {
  await Promise.all(others.map((one) => one.stop()));
  await cluster.stop();
});

interface AgentStatus {
  streams: { topic: string; lagRecords: number; ackedOffset: number }[];
  uplink: { state: string; hubId?: string; lastError?: string; kafka: object | null };
  alarms: { name: string; message: string }[];
}

async function startAgent(hub: string): Promise<TestProcess> {
  const { mqtt, agentHttp } = cluster.ports;
  const agent = edgelog([
    ...['agent', '--data-dir', cluster.agentDir, '--gateway', 'gw-1', '--hub', hub],
    ...['--mqtt', `127.0.0.1:${mqtt}`, '--http', `127.0.0.1:${agentHttp}`],
  ]);
  others.push(agent);
  await agent.ready();
  return agent;
}

async function startGateway(): Promise<{ process: TestProcess; url: string; http: number }> {
  const [sync, http] = (await freePorts(2)) as [number, number];
  const addresses = ['--sync', `127.0.0.1:${sync}`, '--http', `127.0.0.1:${http}`];
  const process = edgelog(['hub', '--sink', url, ...addresses]);
  others.push(process);
  await process.ready();
  return { process, url: `ws://127.0.0.1:${sync}`, http };
}

const status = () => cluster.agentStatus<AgentStatus>();
const loadOf = (clientId: string) =>
  new MqttLoad({ port: cluster.ports.mqtt, clientId, payload: labelled(clientId), pauseMs: 5 });

/** Records that the cluster has acknowledged. */
async function acknowledged(): Promise<number> {
  return (await status()).streams[0]?.ackedOffset ?? 0;
}

const flows = (from: number) =>
  until('records flow into the cluster', async () => (await acknowledged()) > from + 50);

async function drained(): Promise<void> {
  await until('the agent has no backlog', async () => {
    const { streams } = await status();
    return streams.length > 0 && streams.every(({ lagRecords }) => lagRecords === 0);
  });
}

test('straight from the gateway: the cluster is killed and comes back, the agent is killed and comes back, each record is there once', async () => {
  let agent = await startAgent(url);
  const load = loadOf('device');
  const running = load.run();
  await flows(0);
  expect((await status()).uplink).toMatchObject({ state: 'live', kafka: { clusterId: expect.any(String) } });
  await cluster.hub!.stop('SIGKILL');
  await until('the outage is told', async () => (await status()).uplink.state !== 'live');
  await until('the address is named', async () =>
    (await status()).uplink.lastError?.includes(cluster.bootstrap),
  );
  await cluster.startHub();
  await until('the session is back', async () => (await status()).uplink.state === 'live');
  await agent.stop('SIGKILL');
  agent = await startAgent(url);
  await flows(await acknowledged());
  load.stop();
  await running;
  await drained();
  checkDelivery(await consumeAll(cluster.bootstrap, 'telemetry'), [{ clientId: 'device', load }]);
});

test('over sync gateways without a disk: one is told to end and sends its agent to the other; from there straight into the cluster', async () => {
  const gateways = [await startGateway(), await startGateway()];
  const agent = await startAgent(gateways.map((one) => one.url).join(','));
  const load = loadOf('device');
  const running = load.run();
  await flows(0);
  const holder = await until('one of them has the agent', async () => {
    const here = await Promise.all(
      gateways.map(async ({ http }) => {
        const response = await fetch(`http://127.0.0.1:${http}/status`);
        return ((await response.json()) as { gateways: unknown[] }).gateways.length;
      }),
    );
    return here.reduce((sum, one) => sum + one, 0) === 1 && gateways[here.indexOf(1)];
  });
  expect((await fetch(`http://127.0.0.1:${holder.http}/healthz`)).status).toBe(200);
  expect(await holder.process.stop()).toMatchObject({ code: 0 });
  await flows(await acknowledged());
  expect((await status()).alarms).toEqual([]);
  await agent.stop();
  await startAgent(url);
  load.stop();
  await running;
  await drained();
  checkDelivery(await consumeAll(cluster.bootstrap, 'telemetry'), [{ clientId: 'device', load }]);
});

test('a clean end leaves no position to be looked for', async () => {
  const agent = await startAgent(url);
  const load = loadOf('device');
  await load.run(100);
  await drained();
  expect(await agent.stop()).toMatchObject({ code: 0 });
  await startAgent(url);
  await loadOf('other').run(10);
  await drained();
  const { uplink } = await status();
  expect(uplink.kafka).toMatchObject({ scannedBytes: 0 });
});

test('a sync gateway waits for its cluster, says so to a load balancer, and can be told to end meanwhile', async () => {
  await cluster.hub!.stop();
  const [sync, http] = (await freePorts(2)) as [number, number];
  const waiting = edgelog([
    ...['hub', '--sink', url, '--sync', `127.0.0.1:${sync}`, '--http', `127.0.0.1:${http}`],
  ]);
  others.push(waiting);
  const health = await until('it serves its health', async () => {
    const response = await fetch(`http://127.0.0.1:${http}/healthz`).catch(() => undefined);
    const body = response && ((await response.json()) as { reasons: string[] });
    return body?.reasons[0]?.includes(cluster.bootstrap) && { status: response!.status, ...body };
  });
  expect(health).toMatchObject({ status: 503, reasons: [expect.stringMatching(/^Kafka: no connection to/)] });
  const page = await fetch(`http://127.0.0.1:${http}/`);
  expect(await page.text()).toContain('Edgelog sync gateway');
  await waiting.stop();
  expect(waiting.stderr).not.toContain('internal error');
});

test('the configuration file of an agent is what doctor takes, too', async () => {
  const file = join(cluster.dir, 'agent.yaml');
  writeFileSync(file, `dataDir: ${cluster.agentDir}\nhub: ["${url}"]\ntopic: readings\nlingerMs: 50\n`);
  const doctor = edgelog(['doctor', '--config', file, '--json']);
  others.push(doctor);
  expect(await doctor.exited).toMatchObject({ code: 0 });
  expect(JSON.parse(doctor.stdout)).toMatchObject({ ok: true });
  expect(doctor.stdout).toContain('topic readings');
});
