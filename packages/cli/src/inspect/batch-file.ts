import { readFileSync, statSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { readBatchHeader, verifyBatchCrc } from '@edgelog/wire';
import type { Damage, ScannedBatch } from './scan.ts';

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The record batch in a file, as an agent sets aside what a hub refuses for good, or why it is none. */
export function scanBatchFile(path: string): ScannedBatch | Damage {
  const batch = readFileSync(path);
  try {
    const header = readBatchHeader(batch);
    verifyBatchCrc(batch, 0, header);
    return { batch, header };
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    return { firstOffset: 0, lastOffset: 0, reason: error.message };
  }
}
