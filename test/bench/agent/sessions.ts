import { rmSync } from 'node:fs';
import { type AgentStore, agentStore, silent } from '@edgelog/sim';
import { startUplink, type Uplink } from '@edgelog/sync';
import { freePorts } from '../../harness/ports.ts';
import { sleep, until } from '../../harness/wait.ts';
import { type BenchOptions, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { cpuSeconds } from '../usage.ts';
import { startHub } from './peers.ts';

/** At scale 1. */
const AGENTS = 10_000;
/** They come before those that are counted, and pay for the memory of traffic as such. */
const FIRST = 500;
/** Connecting at once; more would overflow the listener's backlog. */
const CONNECTING_MAX = 200;
const SETTLE_MS = 5_000;
const IDLE_MS = 10_000;
const WAIT_MS = 300_000;

interface Gateway {
  uplink: Uplink;
  port: AgentStore;
}

/** What one more agent costs a hub, and how soon all are back when the hub is started again. */
export async function benchSessions({ scale }: BenchOptions): Promise<void> {
  const dir = scratchDir();
  const [sync, kafka, http] = await freePorts(3);
  const url = `ws://127.0.0.1:${sync}`;
  const count = FIRST + Math.ceil(AGENTS * scale);
  const gateways: Gateway[] = [];
  const ports = { kafka: kafka!, sync: sync!, http: http! };
  let hub = await startHub(dir, ports);
  const connect = async (total: number): Promise<number> => {
    while (gateways.length < total) {
      const some = Math.min(CONNECTING_MAX, total - gateways.length);
      for (let i = 0; i < some; i++) gateways.push(await startGateway(url, gateways.length));
      await until('they are acknowledged', () => gateways.slice(-some).every(isDrained), WAIT_MS, 10);
    }
    await sleep(SETTLE_MS);
    return hub.privateBytes();
  };
  try {
    const before = await connect(FIRST);
    const after = await connect(count);
    const cpuBefore = cpuSeconds(hub);
    await sleep(IDLE_MS);
    const cpuShare = (cpuSeconds(hub) - cpuBefore) / (IDLE_MS / 1000);
    await hub.stop('SIGKILL');
    await until(
      'all have noticed',
      () => gateways.every(({ uplink }) => uplink.status().state !== 'live'),
      WAIT_MS,
      10,
    );
    hub = await startHub(dir, ports);
    const startedAt = performance.now();
    await Promise.all(
      gateways.map(async ({ port, uplink }) => {
        await port.ingest(0, [1]);
        uplink.notify();
      }),
    );
    await until('all are back', () => gateways.every(isDrained), WAIT_MS, 20);
    const backSeconds = (performance.now() - startedAt) / 1000;
    printTable(
      `${count.toLocaleString('en')} agents with a stream each at one hub, simulated in one process beside it`,
      [
        'KiB of private memory per agent',
        'CPU of a core, idle',
        'hub killed and started: all back and acknowledged after s',
      ],
      [
        [
          ((after - before) / (count - FIRST) / 1024).toFixed(1),
          `${(cpuShare * 100).toFixed(1)} %`,
          backSeconds.toFixed(1),
        ],
      ],
    );
  } finally {
    await Promise.all(gateways.map(({ uplink }) => uplink.stop()));
    await hub.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function startGateway(url: string, index: number): Promise<Gateway> {
  const port = agentStore({ gateway: `gateway-${index}` });
  await port.ingest(0, [0]);
  return { port, uplink: startUplink({ urls: [url], port, log: silent }) };
}

/** By the gateway's disk. */
const isDrained = ({ port }: Gateway): boolean => port.stored().every(({ drained }) => drained);
