import { rmSync } from 'node:fs';
import { apis } from '@edgelog/wire';
import { RawClient } from '../../hub/test/support/raw-client.ts';
import { sleep } from '../harness/wait.ts';
import { type BrokerName, prepareBroker } from './brokers.ts';
import { type BenchOptions, printTable } from './report.ts';
import { scratchDir } from './scratch.ts';
import { cpuSeconds } from './usage.ts';

/** At scale 1. */
const CONNECTIONS = 10_000;
/** Connecting at once; more would overflow the listener's backlog. */
const CONNECTING_MAX = 100;
/** Room for the bench's own requests. */
const SPARE = 100;
const SETTLE_MS = 3_000;
const IDLE_MS = 10_000;
const NAMES: readonly BrokerName[] = ['kafka', 'hub'];

/** What connections cost that have asked for the versions, as every client does, and then say nothing. */
export async function benchIdle({ scale }: BenchOptions): Promise<void> {
  const count = Math.ceil(CONNECTIONS * scale);
  const rows: string[][] = [];
  for (const name of NAMES) rows.push([name, ...(await measure(name, count))]);
  printTable(
    `${count.toLocaleString('en')} idle connections`,
    ['broker', 'private MiB before', 'with them', 'KiB per connection', 'CPU s in 10 s idle'],
    rows,
  );
}

async function measure(name: BrokerName, count: number): Promise<string[]> {
  const dir = scratchDir();
  const env = { ...process.env, EDGELOG_MAX_CONNECTIONS: String(count + SPARE) };
  const broker = await prepareBroker(name, dir, env);
  const clients: RawClient[] = [];
  try {
    await broker.start();
    await sleep(SETTLE_MS);
    const before = broker.process.privateBytes();
    while (clients.length < count) {
      const some = Math.min(CONNECTING_MAX, count - clients.length);
      clients.push(...(await Promise.all(Array.from({ length: some }, () => connectOne(broker.port)))));
    }
    await sleep(SETTLE_MS);
    const after = broker.process.privateBytes();
    const cpuBefore = cpuSeconds(broker.process);
    await sleep(IDLE_MS);
    return [
      (before / 2 ** 20).toFixed(0),
      (after / 2 ** 20).toFixed(0),
      ((after - before) / count / 1024).toFixed(1),
      (cpuSeconds(broker.process) - cpuBefore).toFixed(2),
    ];
  } finally {
    for (const client of clients) client.end();
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function connectOne(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  await client.call(apis.apiVersions, 0, {});
  return client;
}
