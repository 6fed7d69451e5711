import type { TestProcess } from '../../harness/process.ts';
import { sleep } from '../../harness/wait.ts';
import { cpuSeconds } from '../usage.ts';

const SAMPLE_MS = 50;

export interface Spent {
  readonly seconds: number;
  /** Of processor time, of all processes together; of one that ended, as of its last sample. */
  readonly cpuSeconds: number;
  /** Private memory of all of them together at most, in bytes. */
  readonly peakBytes: number;
}

/** What processes use until `work` resolves. They may end meanwhile. */
export async function measured(
  processes: readonly Pick<TestProcess, 'pid' | 'alive' | 'privateBytes'>[],
  work: Promise<unknown>,
): Promise<Spent> {
  const startedAt = performance.now();
  const before = processes.map(cpuSeconds);
  const last = [...before];
  let [peakBytes, isOver] = [0, false];
  const sample = (): void => {
    let bytes = 0;
    for (const [index, process] of processes.entries()) {
      if (!process.alive) continue;
      try {
        last[index] = cpuSeconds(process);
        bytes += process.privateBytes();
      } catch {
        // It ended between the two, and what it used by the sample before is what is known.
      }
    }
    peakBytes = Math.max(peakBytes, bytes);
  };
  const watch = async (): Promise<void> => {
    while (!isOver) {
      sample();
      await sleep(SAMPLE_MS);
    }
  };
  const watching = watch();
  try {
    await work;
  } finally {
    isOver = true;
    sample();
    await watching;
  }
  const used = last.reduce((sum, value, index) => sum + value - before[index]!, 0);
  return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: used, peakBytes };
}
