import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../harness/ports.ts';
import { edgelog, TestProcess } from '../../harness/process.ts';
import { until } from '../../harness/wait.ts';
import { natsServer } from '../../setup/nats.ts';

/** No hub: what is measured is taking readings to disk. */
export const NOWHERE = 'ws://127.0.0.1:9';

/** Something that takes MQTT on `port` of the loopback. */
export interface Peer {
  readonly name: string;
  start(dir: string, port: number, env?: NodeJS.ProcessEnv): Promise<TestProcess>;
}

export interface AgentProcess extends TestProcess {
  readonly httpPort: number;
}

export async function startAgent(
  dir: string,
  port: number,
  env?: NodeJS.ProcessEnv,
  flags: readonly string[] = ['--hub', NOWHERE],
): Promise<AgentProcess> {
  const [httpPort] = await freePorts(1);
  const addresses = ['--mqtt', `127.0.0.1:${port}`, '--http', `127.0.0.1:${httpPort}`];
  const own = ['agent', '--data-dir', join(dir, 'log'), '--gateway', 'bench', ...addresses];
  const proc = edgelog([...own, ...flags], env);
  await proc.ready();
  return Object.assign(proc, { httpPort: httpPort! });
}

export interface HubPorts {
  kafka: number;
  sync: number;
  http: number;
}

/** A hub below `dir`, on the loopback. */
export async function startHub(dir: string, { kafka, sync, http }: HubPorts): Promise<TestProcess> {
  const hub = edgelog([
    ...['hub', '--data-dir', join(dir, 'hub'), '--sync', `127.0.0.1:${sync}`],
    ...['--kafka', `127.0.0.1:${kafka}`, '--http', `127.0.0.1:${http}`],
  ]);
  await hub.ready();
  return hub;
}

async function startMosquitto(dir: string, port: number): Promise<TestProcess> {
  const conf = join(dir, 'mosquitto.conf');
  writeFileSync(conf, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`);
  const proc = new TestProcess('mosquitto', 'mosquitto', ['-c', conf]);
  await until('mosquitto is running', () => proc.stderr.includes('running'));
  return proc;
}

async function startNats(dir: string, port: number, syncInterval?: string): Promise<TestProcess> {
  const [clients] = await freePorts(1);
  const sync = syncInterval === undefined ? '' : `, sync_interval: ${syncInterval}`;
  const conf = join(dir, 'nats.conf');
  writeFileSync(
    conf,
    `server_name: bench\nlisten: 127.0.0.1:${clients}\n` +
      `jetstream { store_dir: ${JSON.stringify(join(dir, 'nats'))}${sync} }\nmqtt { listen: "127.0.0.1:${port}" }\n`,
  );
  const proc = new TestProcess('nats-server', natsServer(), ['-c', conf]);
  await until('nats-server is ready', () => proc.stderr.includes('Server is ready'));
  return proc;
}

export const AGENT: Peer = { name: 'edgelog agent, on disk before the ack', start: startAgent };
export const MOSQUITTO: Peer = { name: 'Mosquitto, not durable', start: startMosquitto };
export const NATS: Peer = {
  name: 'NATS MQTT, flushed every two minutes',
  start: (dir, port) => startNats(dir, port),
};
export const NATS_SYNC: Peer = {
  name: 'NATS MQTT, sync_interval: always',
  start: (dir, port) => startNats(dir, port, 'always'),
};
