import { rmSync } from 'node:fs';
import { freePorts } from '../../harness/ports.ts';
import { run } from '../../harness/process.ts';
import { deviceBytesWritten } from '../disk.ts';
import { type BenchOptions, median, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { cpuSeconds } from '../usage.ts';
import { NOWHERE, startAgent } from './peers.ts';
import { generate } from './run-generator.ts';

const PAYLOAD_BYTES = 100;
const DEVICES = 10;
/** Seconds of each run at scale 1. */
const SECONDS = 60;
const RATES = [1_000, 10];
const SETTINGS = [
  { name: 'default', flags: [] },
  { name: '--wear saver', flags: ['--wear', 'saver'] },
];

interface Measured {
  bytesPerByte: number | undefined;
  p50: number;
  p99: number;
  cpuShare: number;
}

/** What the block device writes for each byte of payload, at the pace of a plant rather than of a benchmark. */
export async function benchFlash({ scale, rounds }: BenchOptions): Promise<void> {
  const rows: string[][] = [];
  for (const { name, flags } of SETTINGS) {
    for (const perSecond of RATES) {
      const runs: Measured[] = [];
      for (let round = 0; round < rounds; round++)
        runs.push(await measure(flags, perSecond, SECONDS * scale));
      const known = runs.flatMap(({ bytesPerByte }) => bytesPerByte ?? []);
      rows.push([
        name,
        String(perSecond),
        known.length === 0 ? 'not known here' : median(known).toFixed(1),
        median(runs.map(({ p50 }) => p50)).toFixed(1),
        median(runs.map(({ p99 }) => p99)).toFixed(1),
        `${(median(runs.map(({ cpuShare }) => cpuShare)) * 100).toFixed(1)} %`,
      ]);
      process.stderr.write(`flash: ${name}, ${perSecond} a second: done\n`);
    }
  }
  printTable(
    `Flash: ${DEVICES} devices, ${PAYLOAD_BYTES} B readings for ${Math.round(SECONDS * scale)} s; everything else that writes to the device counts too`,
    ['setting', 'readings/s', 'device bytes per byte', 'ack p50 ms', 'ack p99 ms', 'CPU of a core'],
    rows,
  );
}

async function measure(flags: readonly string[], perSecond: number, seconds: number): Promise<Measured> {
  const dir = scratchDir();
  const [port] = await freePorts(1);
  const proc = await startAgent(dir, port!, undefined, ['--hub', NOWHERE, ...flags]);
  const messages = Math.max(DEVICES, Math.ceil(perSecond * seconds));
  const load = { port: port!, connections: DEVICES, window: 1, payloadBytes: PAYLOAD_BYTES, perSecond };
  try {
    // The first commits make the journal's files.
    await generate({ ...load, messages: 50 * DEVICES, perSecond: 1_000 });
    await run('sync', []);
    const writtenBefore = deviceBytesWritten(dir);
    const cpuBefore = cpuSeconds(proc);
    const startedAt = performance.now();
    const { p50, p99 } = await generate({ ...load, messages });
    const wallSeconds = (performance.now() - startedAt) / 1000;
    const cpuShare = (cpuSeconds(proc) - cpuBefore) / wallSeconds;
    await run('sync', []);
    const writtenAfter = deviceBytesWritten(dir);
    const bytesPerByte =
      writtenBefore === undefined || writtenAfter === undefined
        ? undefined
        : (writtenAfter - writtenBefore) / (messages * PAYLOAD_BYTES);
    return { bytesPerByte, p50, p99, cpuShare };
  } finally {
    await proc.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
