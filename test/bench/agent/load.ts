import { rmSync } from 'node:fs';
import { freePorts } from '../../harness/ports.ts';
import { printProfile, profiled } from '../profile.ts';
import { type BenchOptions, median, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { cpuSeconds } from '../usage.ts';
import type { GeneratorOptions, GeneratorResult } from './mqtt-generator.ts';
import { AGENT, MOSQUITTO, NATS, NATS_SYNC, type Peer } from './peers.ts';
import { generate } from './run-generator.ts';

interface Work {
  name: string;
  connections: number;
  window: number;
}

const WORK: readonly Work[] = [
  { name: '20 connections, window 100', connections: 20, window: 100 },
  { name: '50 connections, 1 in flight', connections: 50, window: 1 },
];
/** At scale 1: what is counted, after a time in which programs with a compiler of their own warm up. */
const COUNTED_SECONDS = 10;
const WARM_UP_SECONDS = 4;
const PAYLOAD_BYTES = 100;
const PEERS: readonly Peer[] = [AGENT, MOSQUITTO, NATS, NATS_SYNC];

interface Measured extends GeneratorResult {
  privateMiB: number;
  cpuSecondsPerMillion: number;
}

async function measure(
  peer: Peer,
  work: Omit<GeneratorOptions, 'port'>,
  env?: NodeJS.ProcessEnv,
): Promise<Measured> {
  const dir = scratchDir();
  const [port] = await freePorts(1);
  const proc = await peer.start(dir, port!, env);
  try {
    const cpuBefore = cpuSeconds(proc);
    const result = await generate({ ...work, port: port! });
    return {
      ...result,
      privateMiB: proc.privateBytes() / 2 ** 20,
      cpuSecondsPerMillion: ((cpuSeconds(proc) - cpuBefore) / result.messages) * 1e6,
    };
  } finally {
    await proc.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The same load into the agent and each of its peers in turn, `rounds` times; medians, and ratios round by round. */
export async function benchLoad({ scale, rounds, profile }: BenchOptions): Promise<void> {
  for (const { name, connections, window } of WORK) {
    const work = {
      ...{ connections, window, payloadBytes: PAYLOAD_BYTES },
      ...{ seconds: (WARM_UP_SECONDS + COUNTED_SECONDS) * scale, countedSeconds: COUNTED_SECONDS * scale },
    };
    const results = PEERS.map((): Measured[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [index, peer] of PEERS.entries()) results[index]!.push(await measure(peer, work));
      process.stderr.write(`${name}: round ${round + 1} of ${rounds} done\n`);
    }
    const mid = (index: number, pick: (m: Measured) => number): number => median(results[index]!.map(pick));
    const ratios = (index: number, pick: (m: Measured) => number): string => {
      const each = results[0]!.map((ours, round) => pick(ours) / pick(results[index]![round]!));
      return `${median(each).toFixed(2)} (${each.map((ratio) => ratio.toFixed(2)).join(', ')})`;
    };
    printTable(
      `MQTT QoS 1, ${PAYLOAD_BYTES} B, ${name}, median of ${rounds} rounds; ratios are agent / peer`,
      [
        'broker',
        'msg/s',
        'ack p50 ms',
        'ack p99 ms',
        'private MiB',
        'CPU s / M msg',
        'rate, ratio',
        'p99, ratio',
      ],
      PEERS.map(({ name: peer }, i) => [
        peer,
        Math.round(mid(i, (m) => m.rate)).toLocaleString('en'),
        mid(i, (m) => m.p50).toFixed(1),
        mid(i, (m) => m.p99).toFixed(1),
        mid(i, (m) => m.privateMiB).toFixed(0),
        mid(i, (m) => m.cpuSecondsPerMillion).toFixed(1),
        i === 0 ? '' : ratios(i, (m) => m.rate),
        i === 0 ? '' : ratios(i, (m) => m.p99),
      ]),
    );
    if (profile) {
      const { env, folder } = profiled();
      await measure(AGENT, work, env);
      printProfile(`the agent under ${name}`, folder);
    }
  }
}
