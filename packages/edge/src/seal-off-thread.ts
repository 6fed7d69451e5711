import type { RecordsEncoder, SealOptions } from '@edgelog/wire';

/**
 * Twice the threads that Node has for it. Each batch that is begun takes memory, for the compressor a hundred times what a small batch has in it:
 * 500 streams that are sealed at once, as when the uplink is back, took 300 MB and five times as long all together.
 */
const AT_ONCE = 8;

let running = 0;
const waiting: (() => void)[] = [];

/** Makes a batch of the records, compressed off the main thread; a few at once in the whole process, the others in turn. */
export async function sealOffThread(
  records: Pick<RecordsEncoder, 'seal'>,
  options: SealOptions,
): Promise<Buffer> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await records.seal(options);
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
