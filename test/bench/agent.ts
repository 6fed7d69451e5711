import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../harness/ports.ts';
import { edgelog, run, TestProcess } from '../harness/process.ts';
import { sleep, until } from '../harness/wait.ts';
import { deviceBytesWritten } from './disk.ts';
import type { GeneratorOptions, GeneratorResult } from './mqtt-generator.ts';
import { printProfile, profiled } from './profile.ts';
import { type BenchOptions, median, printTable } from './report.ts';

const GENERATOR = fileURLToPath(new URL('./mqtt-generator.ts', import.meta.url));
const ROUNDS = 3;

/** `messages` at scale 1. */
const WORK: readonly { name: string; connections: number; window: number; messages: number }[] = [
  { name: '20 connections, window 100', connections: 20, window: 100, messages: 400_000 },
  { name: '50 connections, 1 in flight', connections: 50, window: 1, messages: 100_000 },
];
const PAYLOAD_BYTES = 100;
/** No hub: what is measured is taking readings to disk. */
const NOWHERE = 'ws://127.0.0.1:9';

interface Peer {
  name: string;
  start(dir: string, port: number, env?: NodeJS.ProcessEnv): Promise<TestProcess>;
}

const PEERS: readonly Peer[] = [
  { name: 'edgelog agent (durable before ack)', start: startAgent },
  { name: 'mosquitto (not durable)', start: startMosquitto },
];

interface Measured extends GeneratorResult {
  privateMiB: number;
  cpuSecondsPerMillion: number;
  /** Bytes written to the block device per byte of payload; undefined where it cannot be told. */
  writeAmplification: number | undefined;
}

async function startAgent(dir: string, port: number, env?: NodeJS.ProcessEnv): Promise<TestProcess> {
  const [http] = await freePorts(1);
  const addresses = ['--mqtt', `127.0.0.1:${port}`, '--http', `127.0.0.1:${http}`];
  const args = [
    'agent',
    '--data-dir',
    join(dir, 'log'),
    '--gateway',
    'bench',
    '--hub',
    NOWHERE,
    ...addresses,
  ];
  const proc = edgelog(args, env);
  await proc.ready();
  return proc;
}

async function startMosquitto(dir: string, port: number): Promise<TestProcess> {
  const conf = join(dir, 'mosquitto.conf');
  writeFileSync(conf, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`);
  const proc = new TestProcess('mosquitto', 'mosquitto', ['-c', conf]);
  await until('mosquitto is running', () => proc.stderr.includes('running'));
  return proc;
}

function cpuSeconds(pid: number): Promise<number> {
  return run('sh', ['-c', `cut -d' ' -f14,15 /proc/${pid}/stat`]).then(({ stdout }) => {
    const [user, system] = stdout.trim().split(' ').map(Number);
    return (user! + system!) / 100;
  });
}

async function measure(
  peer: Peer,
  work: Omit<GeneratorOptions, 'port'>,
  env?: NodeJS.ProcessEnv,
): Promise<Measured> {
  const parent = join(import.meta.dirname, '../../node_modules/.cache/edgelog');
  mkdirSync(parent, { recursive: true });
  const dir = mkdtempSync(join(parent, 'bench-'));
  const [port] = await freePorts(1);
  const proc = await peer.start(dir, port!, env);
  try {
    await run('sync', []);
    const diskBefore = deviceBytesWritten(dir);
    const cpuBefore = await cpuSeconds(proc.pid);
    const { code, stdout, stderr } = await run(
      process.execPath,
      [GENERATOR, JSON.stringify({ ...work, port })],
      {
        timeoutMs: 300_000,
      },
    );
    if (code !== 0) throw new Error(`the generator failed against ${peer.name}: ${stderr}\n${proc.output()}`);
    const cpu = (await cpuSeconds(proc.pid)) - cpuBefore;
    await run('sync', []);
    await sleep(200);
    const diskAfter = deviceBytesWritten(dir);
    return {
      ...(JSON.parse(stdout) as GeneratorResult),
      privateMiB: proc.privateBytes() / 2 ** 20,
      cpuSecondsPerMillion: (cpu / work.messages) * 1e6,
      writeAmplification:
        diskBefore === undefined || diskAfter === undefined
          ? undefined
          : (diskAfter - diskBefore) / (work.messages * work.payloadBytes),
    };
  } finally {
    await proc.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Publishes the same load into the agent and into Mosquitto in turn, `ROUNDS` times, and prints medians and ratios. */
export async function benchAgent({ scale, profile }: BenchOptions): Promise<void> {
  for (const { name, connections, window, messages } of WORK) {
    const work = { connections, window, messages: Math.ceil(messages * scale), payloadBytes: PAYLOAD_BYTES };
    const results = PEERS.map((): Measured[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, peer] of PEERS.entries()) results[index]!.push(await measure(peer, work));
      process.stderr.write(`${name}: round ${round + 1} of ${ROUNDS} done\n`);
    }
    const mid = (index: number, pick: (m: Measured) => number): number => median(results[index]!.map(pick));
    printTable(
      `MQTT QoS 1, ${PAYLOAD_BYTES} B, ${name}, ${work.messages} messages, median of ${ROUNDS} rounds`,
      ['broker', 'msg/s', 'ack p50 ms', 'ack p99 ms', 'private MiB', 'CPU s / M msg', 'disk bytes / byte'],
      PEERS.map(({ name: peer }, i) => [
        peer,
        Math.round(mid(i, (m) => m.rate)).toLocaleString('en'),
        mid(i, (m) => m.p50).toFixed(1),
        mid(i, (m) => m.p99).toFixed(1),
        mid(i, (m) => m.privateMiB).toFixed(0),
        mid(i, (m) => m.cpuSecondsPerMillion).toFixed(1),
        results[i]![0]!.writeAmplification === undefined
          ? 'not known here'
          : mid(i, (m) => m.writeAmplification!).toFixed(2),
      ]),
    );
    const ratios = results[0]!.map((ours, round) => ours.rate / results[1]![round]!.rate);
    console.log(
      `ratio of rates, agent / mosquitto: ${median(ratios).toFixed(2)} (rounds: ${ratios.map((r) => r.toFixed(2)).join(', ')})\n`,
    );
    if (profile) {
      const { env, folder } = profiled();
      await measure(PEERS[0]!, work, env);
      printProfile(`the agent under ${name}`, folder);
    }
  }
}
