import { setImmediate as turn } from 'node:timers/promises';
import type { LogStore } from '@edgelog/log';
import { loadSettings } from '@edgelog/runtime';
import { z } from 'zod';
import { reportProgress } from '../progress.ts';
import { plural, printJson, printTable } from '../table.ts';
import { INSPECT_NOTES, inspectFields, withStore } from './open.ts';
import { type Damage, isDamage, scanPartition } from './scan.ts';

/** Between two looks at signals and timers. */
const TURN_BYTES = 8 * 2 ** 20;

const verifySettings = z.object({ ...inspectFields });

/** `edgelog verify`: exit status 1 when anything is damaged. */
export async function verifyCommand(argv: string[]): Promise<number> {
  const settings = loadSettings({
    command: 'edgelog verify',
    summary: 'Read every stored batch of a data directory and check its structure and its CRC.',
    schema: verifySettings,
    argv,
    env: process.env,
    sources: 'flags',
    positionals: ['dataDir'],
    notes: INSPECT_NOTES,
  });
  return withStore(settings.dataDir, async (store) => {
    const result = await verify(store);
    if (settings.json) printJson(result);
    else {
      if (result.damage.length > 0) printDamage(result.damage);
      const { partitions, batches, records, bytes, damage } = result;
      const seen = `${plural(partitions, 'partition')}, ${batches} batches, ${plural(records, 'record')}, ${bytes} bytes`;
      const verdict = damage.length === 0 ? 'no damage' : plural(damage.length, 'damaged range');
      process.stdout.write(`verified ${seen}: ${verdict}\n`);
    }
    return result.damage.length === 0 ? 0 : 1;
  });
}

interface Verified {
  readonly partitions: number;
  /** Good ones, as are the records and bytes. */
  readonly batches: number;
  readonly records: number;
  readonly bytes: number;
  readonly damage: ({ readonly partition: string } & Damage)[];
}

async function verify(store: LogStore): Promise<Verified> {
  const result = { partitions: 0, batches: 0, records: 0, bytes: 0, damage: [] as Verified['damage'] };
  const logs = [...store.partitions()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const endProgress = reportProgress(
    () => `${result.bytes} bytes verified, ${result.partitions} of ${logs.length} partitions`,
  );
  let turnAt = TURN_BYTES;
  try {
    for (const log of logs) {
      for (const scanned of scanPartition(log)) {
        if (isDamage(scanned)) result.damage.push({ partition: log.name, ...scanned });
        else {
          result.batches += 1;
          result.records += scanned.header.recordCount;
          result.bytes += scanned.header.sizeBytes;
        }
        if (result.bytes < turnAt) continue;
        turnAt = result.bytes + TURN_BYTES;
        await turn();
      }
      result.partitions += 1;
    }
  } finally {
    endProgress();
  }
  return result;
}

function printDamage(damage: Verified['damage']): void {
  const rows = damage.map(({ partition, firstOffset, lastOffset, reason }) => [
    partition,
    firstOffset,
    lastOffset,
    reason,
  ]);
  printTable(['PARTITION', 'FIRST-OFFSET', 'LAST-OFFSET', 'REASON'], rows);
}
