import { readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { crc32c } from '@edgelog/wire';
import { syncDir } from './segment-files.ts';

const NAME = 'CLOSED';

/** Which commit was the last one when the store was closed: the segment's number and LMDB's transaction. */
export interface LastCommit {
  segment: number;
  transaction: number;
}

/** Durably written when the store is closed, so that the next open knows at which commit it must arrive. */
export async function writeClosingNote(dir: string, { segment, transaction }: LastCommit): Promise<void> {
  const said = `${segment} ${transaction}`;
  const file = await open(join(dir, NAME), 'w');
  try {
    await file.writeFile(`${said} ${crc32c(Buffer.from(said))}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDir(dir);
}

/**
 * Which commit a file opens at is said by two numbers that nothing covers; a flipped bit in one leads to an older commit, and what
 * was acknowledged after it would be gone without a trace. Throws DATA_DIR_INVALID where the note says that. After a crash
 * there is none, and a damaged one is none.
 */
export function checkClosingNote(dir: string, found: LastCommit | undefined): void {
  const noted = readClosingNote(dir);
  if (noted === undefined) return;
  if (noted.segment === found?.segment && noted.transaction === found.transaction) return;
  const at = found === undefined ? 'has none' : `opens at ${found.segment}, ${found.transaction}`;
  throw new EdgelogError(
    'DATA_DIR_INVALID',
    `${dir} is damaged: it was closed at commit ${noted.transaction} of segment ${noted.segment} and ${at}`,
  );
}

/** Durable before anything else is written: from then on it would be wrong. */
export async function removeClosingNote(dir: string): Promise<void> {
  rmSync(join(dir, NAME), { force: true });
  await syncDir(dir);
}

function readClosingNote(dir: string): LastCommit | undefined {
  let text: string;
  try {
    text = readFileSync(join(dir, NAME), 'latin1');
  } catch {
    return undefined;
  }
  const [, said, segment, transaction, crc] = /^((\d+) (\d+)) (\d+)\n$/.exec(text) ?? [];
  if (said === undefined || crc32c(Buffer.from(said)) !== Number(crc)) return undefined;
  return { segment: Number(segment), transaction: Number(transaction) };
}
