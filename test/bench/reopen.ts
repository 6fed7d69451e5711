import { rmSync } from 'node:fs';
import { run } from '../harness/process.ts';
import { type Broker, prepareBroker } from './brokers.ts';
import { bytesReadFromDisk, dropPageCache } from './disk.ts';
import { scratchDir } from './scratch.ts';

/** A start on a directory, from a page cache that holds nothing of it where this may be arranged. */
export interface Reopened {
  seconds: number;
  /** From the start to the first answer, the program's own code included; undefined where the page cache stays. */
  readMib: number | undefined;
}

/** Starts a broker that is not running and measures until it has answered for `topics`. */
export async function reopen(broker: Broker, topics: readonly string[]): Promise<Reopened> {
  await run('sync', []);
  const isCold = dropPageCache();
  const seconds = await broker.start(topics);
  const readMib = isCold ? bytesReadFromDisk(broker.process.pid) / 2 ** 20 : undefined;
  return { seconds, readMib };
}

/** The same with nothing stored: what a start costs by itself. */
export async function openEmpty(name: Broker['name']): Promise<Reopened> {
  const dir = scratchDir();
  const broker = await prepareBroker(name, dir);
  try {
    await broker.start();
    await broker.stop();
    return await reopen(broker, []);
  } finally {
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

export const cellsOf = ({ seconds, readMib }: Reopened): string[] => [
  seconds.toFixed(2),
  readMib?.toFixed(0) ?? 'not root',
];
