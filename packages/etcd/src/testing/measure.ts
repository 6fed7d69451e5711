import { TestCluster } from './cluster.ts';
import { etcdProgram } from './program.ts';

/* node packages/etcd/src/testing/measure.ts: what calls cost, with three members and this client on one machine. */

const ROUNDS = 300;
const CONCURRENT = 64;

function report(what: string, samplesMs: number[]): void {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const at = (share: number): string => `${sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1)} ms`;
  process.stdout.write(`${what}: p50 ${at(0.5)}, p99 ${at(0.99)}\n`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function inTurn(work: (round: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) samples.push(await timed(() => work(round)));
  return samples;
}

async function perSecond(work: (round: number) => Promise<unknown>): Promise<string> {
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < ROUNDS * 10) await work(started++);
  };
  const ms = await timed(() => Promise.all(Array.from({ length: CONCURRENT }, worker)));
  return ((started * 1000) / ms).toFixed(0);
}

const cluster = await TestCluster.start({ waitsForDisk: true });
try {
  const client = cluster.client();
  const value = Buffer.alloc(200, 'x');
  const put = (round: number): Promise<unknown> => client.put(`measure/${round % 100}`, value);
  process.stdout.write(`${etcdProgram()}, three members, 200-byte values\n`);
  await inTurn(put);
  report('linearizable read', await inTurn(() => client.get('measure/1')));
  report('serializable read', await inTurn(() => client.get('measure/1', { serializable: true })));
  report('transaction', await inTurn(put));
  const cpu = process.cpuUsage();
  process.stdout.write(`transactions, ${CONCURRENT} at a time: ${await perSecond(put)}/s`);
  const { user, system } = process.cpuUsage(cpu);
  process.stdout.write(`, ${((user + system) / (ROUNDS * 10)).toFixed(0)} µs of the client's CPU each\n`);

  const sentAt = new Map<string, number>();
  const latencies: number[] = [];
  const watching = (async () => {
    for await (const update of client.watch({ prefix: 'latency/' })) {
      if (update.kind !== 'changes') continue;
      for (const { key } of update.changes) latencies.push(performance.now() - sentAt.get(key)!);
      if (latencies.length === ROUNDS) return;
    }
  })();
  await client.put('other', '');
  await inTurn((round) => {
    sentAt.set(`latency/${round}`, performance.now());
    return client.put(`latency/${round}`, value);
  });
  await watching;
  report('from sending a transaction to its change on a watch', latencies);
} finally {
  await cluster.stop();
}
