import { recordsIn } from '@edgelog/sim';
import { sequenceOf } from '@edgelog/wire';
import type { RawPartition } from './raw-partition.ts';

/** A batch whose values are the numbers of its records, as Kafka has it. */
interface StoredBatch {
  producerId: number;
  baseSequence: number;
  recordCount: number;
  records: readonly number[];
}

/** All committed batches of some partitions with a producer id, in order per partition. */
export async function storedBatches(partitions: readonly RawPartition[]): Promise<StoredBatch[]> {
  const read = await Promise.all(partitions.map((partition) => partition.batches()));
  return read.flat().map(({ header, bytes }) => {
    const { producerId, baseSequence, recordCount } = header;
    return { producerId, baseSequence, recordCount, records: recordsIn(bytes) };
  });
}

/**
 * Throws unless the numbers that a gateway promised are there, each once, in the order of the promise, and each run without a hole in
 * its sequence. Only for streams that never begin a new run, where order is that of the partition.
 */
export function checkDelivered(batches: readonly StoredBatch[], promised: readonly number[]): void {
  const problems: string[] = [];
  const nextOf = new Map<number, number>();
  for (const { producerId, baseSequence, recordCount } of batches) {
    const expected = nextOf.get(producerId) ?? 0;
    if (baseSequence !== expected)
      problems.push(`producer ${producerId}: sequence ${baseSequence} where ${expected} should be`);
    nextOf.set(producerId, sequenceOf(baseSequence + recordCount));
  }
  const got = batches.flatMap(({ records }) => records);
  const seen = new Set<number>();
  for (const record of got) {
    if (seen.has(record)) problems.push(`record ${record} twice`);
    seen.add(record);
  }
  const lost = promised.filter((record) => !seen.has(record));
  if (lost.length > 0) problems.push(`${lost.length} promised and lost, first ${lost[0]}`);
  const known = new Set(promised);
  const foreign = got.filter((record) => !known.has(record));
  if (foreign.length > 0) problems.push(`${foreign.length} that nobody promised, first ${foreign[0]}`);
  if (problems.length === 0 && got.some((record, index) => record !== promised[index]))
    problems.push('they are there, and in another order');
  if (problems.length > 0) throw new Error(`delivery is broken:\n${problems.slice(0, 20).join('\n')}`);
}
