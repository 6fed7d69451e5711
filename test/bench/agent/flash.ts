import { rmSync } from 'node:fs';
import { freePorts } from '../../harness/ports.ts';
import { run } from '../../harness/process.ts';
import { deviceBytesWritten } from '../disk.ts';
import { ownDisk } from '../own-disk.ts';
import { type BenchOptions, median, printTable } from '../report.ts';
import { scratchDir } from '../scratch.ts';
import { cpuSeconds } from '../usage.ts';
import { NOWHERE, startAgent } from './peers.ts';
import { generate } from './run-generator.ts';

const PAYLOAD_BYTES = 100;
const DEVICES = 10;
/** Seconds of each run at scale 1, and at least: what a file system writes now and then must not decide. */
const SECONDS = { usual: 60, atLeast: { 1000: 15, 10: 60 } };
const RATES = [1_000, 10] as const;
const WARM_UP = { perSecond: 1_000, seconds: 8 };
/** More than the largest journal, three times what it has, and all that is taken. */
const DISK_MIB = 1024;
const SETTINGS = [
  { name: 'default', flags: [] },
  { name: '--wear saver', flags: ['--wear', 'saver'] },
];

function secondsOf(perSecond: (typeof RATES)[number], scale: number): number {
  return Math.max(SECONDS.atLeast[perSecond], SECONDS.usual * scale);
}

interface Measured {
  /** Nobody else wrote to the device. */
  isAlone: boolean;
  /** Device bytes for each byte of payload while it runs. */
  running: number | undefined;
  /** … and with its end, in which what only the journal had is written to its segment; of a short run it is much. */
  stopped: number | undefined;
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
        runs.push(await measure(flags, perSecond, secondsOf(perSecond, scale)));
      rows.push([
        name,
        String(perSecond),
        known(runs.map(({ running }) => running)),
        known(runs.map(({ stopped }) => stopped)),
        runs.every(({ isAlone }) => isAlone) ? 'its own' : 'shared: whatever else writes counts too',
        median(runs.map(({ p50 }) => p50)).toFixed(1),
        median(runs.map(({ p99 }) => p99)).toFixed(1),
        `${(median(runs.map(({ cpuShare }) => cpuShare)) * 100).toFixed(1)} %`,
      ]);
      process.stderr.write(`flash: ${name}, ${perSecond} a second: done\n`);
    }
  }
  printTable(
    `Flash: ${DEVICES} devices, ${PAYLOAD_BYTES} B readings for ${RATES.map((rate) => Math.round(secondsOf(rate, scale))).join(' and ')} s`,
    [
      'setting',
      'readings/s',
      'device bytes per byte',
      'and with its end',
      'disk',
      'ack p50 ms',
      'ack p99 ms',
      'CPU of a core',
    ],
    rows,
  );
}

function known(values: readonly (number | undefined)[]): string {
  const all = values.flatMap((value) => value ?? []);
  return all.length === 0 ? 'not known here' : median(all).toFixed(2);
}

async function written(dir: string): Promise<number | undefined> {
  await run('sync', []);
  return deviceBytesWritten(dir);
}

async function measure(flags: readonly string[], perSecond: number, seconds: number): Promise<Measured> {
  const disk = ownDisk(DISK_MIB);
  const dir = disk?.dir ?? scratchDir();
  const [port] = await freePorts(1);
  const proc = await startAgent(dir, port!, undefined, ['--hub', NOWHERE, ...flags]);
  const messages = Math.max(DEVICES, Math.ceil(perSecond * seconds));
  const load = { port: port!, connections: DEVICES, window: 1, payloadBytes: PAYLOAD_BYTES, perSecond };
  try {
    // The first 32 commits make the journal's files, which are 4 MiB.
    await generate({ ...load, messages: WARM_UP.perSecond * WARM_UP.seconds, perSecond: WARM_UP.perSecond });
    const writtenBefore = await written(dir);
    const cpuBefore = cpuSeconds(proc);
    const startedAt = performance.now();
    const { p50, p99 } = await generate({ ...load, messages });
    const wallSeconds = (performance.now() - startedAt) / 1000;
    const cpuShare = (cpuSeconds(proc) - cpuBefore) / wallSeconds;
    const perByte = (after: number | undefined) =>
      writtenBefore === undefined || after === undefined
        ? undefined
        : (after - writtenBefore) / (messages * PAYLOAD_BYTES);
    const running = perByte(await written(dir));
    await proc.stop();
    const stopped = perByte(await written(dir));
    return { isAlone: disk !== undefined, running, stopped, p50, p99, cpuShare };
  } finally {
    await proc.stop();
    if (disk === undefined) rmSync(dir, { recursive: true, force: true });
    else disk.remove();
  }
}
