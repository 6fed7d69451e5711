import type { ModelGateway } from '@edgelog/sink/testing/model-gateway.ts';
import { SEQUENCE_MODULUS, sequenceOf } from '@edgelog/wire';

/** A committed batch, as it was found in the log at some time. */
export interface Archived {
  readonly topicId: string;
  readonly partition: number;
  readonly producerId: number;
  readonly from: number;
  readonly records: number;
  readonly baseOffset: number;
  readonly crc: number;
  /** Before which the log was deleted when it was committed. */
  readonly logStartOffset: number;
}

/** How far a sequence number is behind another at most, for it to be a repeat. */
const REPEATED_MAX = 1_000;

/** X1 to X4 (README): what is wrong with what became of a gateway that has no double. */
export function wrongWith(gateway: ModelGateway, archive: readonly Archived[]): string[] {
  const { name, info, starts } = gateway;
  const wrong = gateway.alarms.map((alarm) => `X3 ${name}: ${alarm}`);
  if (!gateway.isDone) wrong.push(`X4 ${name} stands at ${gateway.acked?.next} of ${starts.at(-1)}`);
  const mine = archive.filter(({ producerId }) => producerId === info.producerId);
  let next = sequenceOf(info.firstOffset);
  for (const [topicId, batches] of Map.groupBy(mine, (batch) => batch.topicId)) {
    if (new Set(batches.map(({ partition }) => partition)).size > 1)
      wrong.push(`X1 ${name} is in two partitions of ${topicId}`);
    batches.sort((a, b) => a.baseOffset - b.baseOffset);
    // What went with a topic that was deleted, and nobody had been told of, comes again.
    const isFirst = batches[0] === mine[0];
    const repeated = (next - batches[0]!.from + SEQUENCE_MODULUS) % SEQUENCE_MODULUS;
    if (!isFirst && repeated < REPEATED_MAX) next = batches[0]!.from;
    const last = new Map<number, number>();
    for (const { from, records, baseOffset, logStartOffset } of batches) {
      // Deleted before anybody was told of it, and forgotten with it: it cannot be known that it was there.
      if ((last.get(from) ?? baseOffset) < logStartOffset) next = from;
      last.set(from, baseOffset);
      if (from !== next) wrong.push(`X1 ${name}: ${from} where ${next} is next (${topicId})`);
      next = sequenceOf(from + records);
    }
  }
  if (next !== sequenceOf(starts.at(-1)!)) wrong.push(`X2 ${name} ends at ${next} in the log`);
  return wrong;
}

/** X5: what a gateway that has a double was told is there, and is not. */
export function notThere(gateway: ModelGateway, archive: readonly Archived[]): string[] {
  const { acked, info, starts, name } = gateway;
  const mine = archive.filter(({ producerId }) => producerId === info.producerId);
  const stored = new Set(mine.map(({ from, crc }) => `${from} ${crc}`));
  return starts
    .slice(0, acked === undefined ? 0 : starts.indexOf(acked.next))
    .filter((start, i) => !stored.has(`${sequenceOf(start)} ${gateway.crcEndingAt(starts[i + 1]!)}`))
    .map((start) => `X5 ${name}: ${start} of ${acked?.next} acknowledged is not there`);
}
