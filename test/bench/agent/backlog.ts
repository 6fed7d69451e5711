import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { CONNACK_BYTES, connect, PUBACK_BYTES, publish } from '../../harness/mqtt-packets.ts';
import { freePorts } from '../../harness/ports.ts';
import type { TestProcess } from '../../harness/process.ts';
import { sleep, until } from '../../harness/wait.ts';
import { type BenchOptions, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { cpuSeconds } from '../usage.ts';
import { type AgentProcess, NOWHERE, startAgent, startHub } from './peers.ts';
import { generate } from './run-generator.ts';
import { sessionRate } from './session-rate.ts';

/** At scale 1. */
const BACKLOG_BYTES = 2e9;
/** As long as a sealed batch may be, so that filling takes no longer than it must; not compressible. */
const FILL_PAYLOAD_BYTES = 64 * 1024;
const FILL_WINDOW = 32;
const LIVE_PER_SECOND = 1_000;
const LIVE_BYTES = 100;
const LIVE_DEVICES = 10;
const SAMPLE_MS = 200;
const MIB = 2 ** 20;
const ROOM = ['--max-disk-bytes', String(8e9)];

/** Start, memory and drain of an agent that was offline for long, into a hub on this machine. */
export async function benchBacklog({ scale }: BenchOptions): Promise<void> {
  const dir = scratchDir();
  const [mqtt, sync, kafka, http] = await freePorts(4);
  const url = `ws://127.0.0.1:${sync}`;
  const started: TestProcess[] = [];
  try {
    const empty = await firstPublish(() => startAgent(join(dir, 'empty'), mqtt!), mqtt!);
    await empty.agent.stop();
    const filling = await startAgent(dir, mqtt!, undefined, ['--hub', NOWHERE, ...ROOM]);
    await fill(mqtt!, BACKLOG_BYTES * scale);
    await filling.stop();
    const offline = await firstPublish(
      () => startAgent(dir, mqtt!, undefined, ['--hub', NOWHERE, ...ROOM]),
      mqtt!,
    );
    await offline.agent.stop();
    started.push(await startHub(dir, { kafka: kafka!, sync: sync!, http: http! }));
    const hubMbPerSecond = await sessionRate(url, BACKLOG_BYTES * scale * 0.25);
    const agent = await startAgent(dir, mqtt!, undefined, ['--hub', url, ...ROOM]);
    started.push(agent);
    const drained = await drain(agent, mqtt!);
    const steady = await liveLoad(agent, mqtt!);
    const gb = ((BACKLOG_BYTES * scale) / 1e9).toFixed(1);
    printTable(
      `An agent with ${gb} GB of backlog, ${LIVE_PER_SECOND} readings a second coming in`,
      ['what', 'measured'],
      [
        ['start to first acknowledged publish, nothing stored, s', empty.seconds.toFixed(2)],
        ['start to first acknowledged publish, with the backlog, s', offline.seconds.toFixed(2)],
        ['drain, MB/s on the wire', drained.mbPerSecond.toFixed(0)],
        ['one session of sealed batches from memory into the same hub, MB/s', hubMbPerSecond.toFixed(0)],
        ['drain, share of that', (drained.mbPerSecond / hubMbPerSecond).toFixed(2)],
        ['ack p99 of devices meanwhile, ms', drained.p99.toFixed(1)],
        ['private memory while draining, at most, MiB', drained.peakMiB.toFixed(0)],
        ['private memory after it, MiB', steady.privateMiB.toFixed(0)],
        [
          `CPU of a core at ${LIVE_PER_SECOND} readings a second, sent on at once`,
          `${(steady.cpuShare * 100).toFixed(1)} %`,
        ],
      ],
    );
  } finally {
    for (const process of started.reverse()) await process.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function firstPublish(
  start: () => Promise<AgentProcess>,
  port: number,
): Promise<{ agent: AgentProcess; seconds: number }> {
  const startedAt = performance.now();
  const agent = start();
  let over = false;
  agent.catch(() => {
    over = true;
  });
  while (!over && !(await publishOnce(port))) await sleep(5);
  return { seconds: (performance.now() - startedAt) / 1000, agent: await agent };
}

/** True once a QoS 1 message was acknowledged. */
function publishOnce(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = tcpConnect({ port, host: '127.0.0.1', noDelay: true });
    let bytes = 0;
    socket.on('connect', () =>
      socket.write(Buffer.concat([connect('first'), publish('bench/first', Buffer.from('1'), 1, 1)])),
    );
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes < CONNACK_BYTES + PUBACK_BYTES) return;
      done(true);
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => done(false));
  });
}

/** Publishes what does not compress until so many bytes are acknowledged. */
async function fill(port: number, bytes: number): Promise<void> {
  const total = Math.ceil(bytes / FILL_PAYLOAD_BYTES);
  const packet = publish('bench/fill', Buffer.alloc(FILL_PAYLOAD_BYTES), 1, 1);
  const noise = randomBytes(FILL_PAYLOAD_BYTES * 8);
  const idAt = packet.length - FILL_PAYLOAD_BYTES - 2;
  await new Promise<void>((done, fail) => {
    const socket = tcpConnect({ port, host: '127.0.0.1', noDelay: true });
    let [sent, received] = [0, 0];
    const more = (): void => {
      const acked = Math.floor((received - CONNACK_BYTES) / PUBACK_BYTES);
      if (acked >= total) {
        socket.destroy();
        done();
        return;
      }
      while (sent < total && sent - acked < FILL_WINDOW) {
        const one = Buffer.from(packet);
        one.writeUInt16BE((sent % 65_535) + 1, idAt);
        noise.copy(one, idAt + 2, (sent * 4_099) % (noise.length - FILL_PAYLOAD_BYTES));
        socket.write(one);
        sent++;
      }
    };
    socket.on('connect', () => socket.write(connect('fill')));
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received >= CONNACK_BYTES) more();
    });
    socket.on('error', fail);
  });
}

interface AgentStatus {
  streams: { lagRecords: number }[];
  uplink: { sentBytes: number };
}

async function statusOf({ httpPort }: AgentProcess): Promise<AgentStatus> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/status`);
  return (await response.json()) as AgentStatus;
}

async function drain(agent: AgentProcess, mqtt: number) {
  const startedAt = performance.now();
  let peak = 0;
  const load = generate({
    ...{ port: mqtt, connections: LIVE_DEVICES, window: 1, payloadBytes: LIVE_BYTES },
    ...{ messages: LIVE_PER_SECOND * 10, perSecond: LIVE_PER_SECOND },
  });
  const sentBytes = await until(
    'the backlog is at the hub',
    async () => {
      peak = Math.max(peak, agent.privateBytes());
      const { streams, uplink } = await statusOf(agent);
      return streams.every(({ lagRecords }) => lagRecords < LIVE_PER_SECOND * 2)
        ? uplink.sentBytes
        : undefined;
    },
    600_000,
    SAMPLE_MS,
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const { p99 } = await load;
  return { mbPerSecond: sentBytes / 1e6 / seconds, peakMiB: peak / MIB, p99 };
}

async function liveLoad(agent: AgentProcess, mqtt: number) {
  const seconds = 20;
  const before = cpuSeconds(agent);
  await generate({
    ...{ port: mqtt, connections: LIVE_DEVICES, window: 1, payloadBytes: LIVE_BYTES },
    ...{ messages: LIVE_PER_SECOND * seconds, perSecond: LIVE_PER_SECOND },
  });
  return { cpuShare: (cpuSeconds(agent) - before) / seconds, privateMiB: agent.privateBytes() / MIB };
}
