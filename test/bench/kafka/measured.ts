import type { TestProcess } from '../../harness/process.ts';
import { sleep } from '../../harness/wait.ts';
import { cpuSeconds } from '../usage.ts';
import type { Arrived } from './arrived.ts';

const SAMPLE_MS = 20;
/** Of the records: when memory is looked at. */
export const SHARES = [0.25, 0.5, 0.75, 1] as const;

export interface Spent {
  readonly seconds: number;
  /** Of processor time, of all processes together; of one that ended, as of its last sample. */
  readonly cpuSeconds: number;
  /** Private memory of all of them together at most, in bytes. */
  readonly peakBytes: number;
  /** What it was when each of `SHARES` was at the broker. */
  readonly bytesAt: readonly number[];
}

/** What processes use until `work` resolves, `records` having come to the broker. They may end meanwhile. */
export async function measured(
  processes: readonly Pick<TestProcess, 'pid' | 'alive' | 'privateBytes'>[],
  { arrived, records }: { arrived: Arrived; records: number },
  work: Promise<unknown>,
): Promise<Spent> {
  const startedAt = performance.now();
  const before = processes.map(cpuSeconds);
  const last = [...before];
  const bytesAt: number[] = [];
  let [peakBytes, isOver] = [0, false];
  /** Undefined when one has ended: what all take together is not known any more. */
  const sample = (): number | undefined => {
    let bytes: number | undefined = 0;
    for (const [index, process] of processes.entries()) {
      if (!process.alive) bytes = undefined;
      if (bytes === undefined) continue;
      try {
        last[index] = cpuSeconds(process);
        bytes += process.privateBytes();
      } catch {
        bytes = undefined; // It ended between the two.
      }
    }
    peakBytes = Math.max(peakBytes, bytes ?? 0);
    return bytes;
  };
  const watch = async (): Promise<void> => {
    for (let known = 0; !isOver; ) {
      known = sample() ?? known;
      const share = (await arrived.count()) / records;
      for (const due of SHARES.slice(bytesAt.length)) if (share >= due) bytesAt.push(known);
      await sleep(SAMPLE_MS);
    }
    // One that ends with the last record has gone before it is seen there.
    const known = sample() ?? bytesAt.at(-1) ?? peakBytes;
    for (const _ of SHARES.slice(bytesAt.length)) bytesAt.push(known);
  };
  const watching = watch();
  let seconds: number;
  try {
    await work;
  } finally {
    seconds = (performance.now() - startedAt) / 1000;
    isOver = true;
    sample();
    await watching;
  }
  const used = last.reduce((sum, value, index) => sum + value - before[index]!, 0);
  return { seconds, cpuSeconds: used, peakBytes, bytesAt };
}
