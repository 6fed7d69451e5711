import { EdgelogError } from '@edgelog/base';
import type { Position, RunInfo } from '@edgelog/sync';
import type { FoundBatch, SinkCluster } from './cluster.ts';
import { LATE_MS, LEASE_MS } from './limits.ts';
import { lastSequenceOf, nextAfter, sealedCrc } from './position.ts';
import { positionIn, type Registration, wasRecreated } from './registration.ts';
import type { Scanner } from './scanner.ts';
import type { Survey } from './survey.ts';
import type { TopicPolicy } from './topic-policy.ts';

/** Where a run stands in its partition. */
export interface Standing {
  readonly position: Position | undefined;
  /** Offset of the partition before which there is nothing of the run beyond `position`. */
  readonly offset: number;
  /** Less than this is committed of the run, though more was; undefined: all is there. */
  readonly missing: Position | undefined;
}

export interface FindOptions {
  readonly cluster: SinkCluster;
  readonly scanner: Scanner;
  readonly survey: Survey;
  readonly registration: Registration;
  readonly policy: TopicPolicy;
  readonly info: RunInfo;
  /** What the gateway says was acknowledged. */
  readonly acked: Position | undefined;
  /** A cluster that has less than was acknowledged is believed: the position is looked for all the same. */
  readonly isBelieved: boolean;
}

/** Finds out how far a run is, by what the cluster knows of the producer, by what was written down, by what is in the log. */
export async function findPosition(options: FindOptions): Promise<Standing> {
  const { survey, registration, info } = options;
  const { record, position: written, place } = registration;
  const isHere = written?.record.topicId === place.topicId;
  const from = isHere ? Math.max(written.record.offset, record.offset) : record.offset;
  const known = knownBefore(registration, options.acked);
  const near = known?.next ?? info.firstOffset;
  const producer = survey.producers.get(info.producerId);
  const isKnown = producer !== undefined && producer.lastSequence >= 0;
  const isAnew = wasRecreated(registration);
  const isTrimmed = survey.ends.logStartOffset > from;
  const knownNext = isKnown ? nextAfter(producer.lastSequence, near) : undefined;
  if (knownNext !== undefined && known !== undefined && knownNext < known.next && !isAnew) {
    const position = options.isBelieved
      ? await ofLost(options, knownNext, producer!.lastSequence)
      : undefined;
    return { position, offset: record.offset, missing: known };
  }
  const found =
    knownNext === undefined
      ? await ofForgotten(options, from, near)
      : await ofKnown(options, knownNext, producer!.lastSequence, from);
  // Where it may be gone for good reasons what was committed once is as good as found.
  const isOfFormerLife = known !== undefined && known.next <= (record.gone ?? -1);
  const mayBeGone = isAnew || isTrimmed || isOfFormerLife || (written !== undefined && !isHere);
  const position = mayBeGone && !isKnown ? furthest(found?.position, known) : found?.position;
  const isMissing = known !== undefined && !isAnew && known.next > (position?.next ?? -1);
  const missing = isMissing ? known : undefined;
  return { position, offset: found?.offset ?? from, missing };
}

/** How far a run was before it was looked for: what is written down, and what the gateway says was acknowledged. */
export function knownBefore(
  { previous, position }: Registration,
  acked: Position | undefined,
): Position | undefined {
  // Of a run that nobody here ever heard of, what was acknowledged was so elsewhere.
  return furthest(positionIn(position?.record), previous === undefined ? undefined : acked);
}

type Found = { readonly position: Position | undefined; readonly offset: number } | undefined;

/** Where it ends is known; the CRC is written down, or that of the batch there. */
async function ofKnown(
  options: FindOptions,
  next: number,
  lastSequence: number,
  from: number,
): Promise<Found> {
  const { registration, policy, acked } = options;
  const { position: written, place } = registration;
  const record = written?.record.topicId === place.topicId ? written.record : undefined;
  const at = positionIn(record);
  if (at?.next === next) return { position: at, offset: from };
  const last = await endingWith(options, lastSequence, from);
  if (last.isFound && !policy.rewrites)
    return { position: { next, crc: last.crc() }, offset: last.endOffset };
  // It was deleted, or the cluster compressed it anew: what is known lies behind by no more than the cluster knows for repeats.
  const crc = acked?.next === next ? acked.crc : undefined;
  if (crc !== undefined) return { position: { next, crc }, offset: from };
  return { position: furthest(at, registration.previous === undefined ? undefined : acked), offset: from };
}

/** The cluster has less than it had: the CRC of the last batch that is left, or one that is nobody's. */
async function ofLost(options: FindOptions, next: number, lastSequence: number): Promise<Position> {
  const last = await endingWith(options, lastSequence, options.registration.record.offset);
  return { next, crc: last.isFound && !options.policy.rewrites ? last.crc() : 0 };
}

/** The batch of the run that ends with this sequence. */
async function endingWith(
  { scanner, survey, info }: FindOptions,
  lastSequence: number,
  from: number,
): Promise<LastBatch> {
  const last = new LastBatch();
  const visit = (batch: FoundBatch) => {
    const isIt = lastSequenceOf(batch.header) === lastSequence;
    if (isIt) last.keep(batch);
    return isIt;
  };
  await scanner.search({
    producerId: info.producerId,
    from,
    until: undefined,
    end: survey.ends.highWatermark,
    visit,
  });
  return last;
}

/** The cluster does not know the producer: it was never here, or not for long. */
async function ofForgotten(options: FindOptions, from: number, near: number): Promise<Found> {
  const { registration, scanner, info, policy, survey } = options;
  const { position: written, previous, place } = registration;
  if (previous === undefined || previous.record.topicId !== place.topicId) return undefined;
  const record = written?.record.topicId === place.topicId ? written.record : undefined;
  const at = { position: positionIn(record), offset: from };
  if (record?.isSettled && record.opening === previous.record.opening) return at;
  if (from >= survey.ends.highWatermark) return at;
  const last = new LastBatch();
  const { producerId } = info;
  const until = await searchedUntil(options);
  await scanner.search({
    producerId,
    from,
    until,
    end: survey.ends.highWatermark,
    visit: (batch) => last.keep(batch),
  });
  if (!last.isFound) return { ...at, offset: until ?? survey.ends.highWatermark };
  const next = nextAfter(last.lastSequence, near);
  if (at.position !== undefined && next <= at.position.next) return at;
  if (policy.rewrites) {
    throw new EdgelogError(
      'REFUSED',
      `${place.topic}: the cluster compressed the last batches of run ${producerId} anew, so that they cannot be compared; set compression.type=producer`,
    );
  }
  return { position: { next, crc: last.crc() }, offset: last.endOffset };
}

/**
 * Offset before which all lies that was sent under older openings: it was sent no later than their last record and a lease after it, and was
 * there soon after. What has a later time than the cluster lets anything have that comes so early came afterwards.
 */
async function searchedUntil({ cluster, registration, policy }: FindOptions): Promise<number | undefined> {
  const { previous, position, appendedAt, place } = registration;
  const [opened, written] = [previous?.appendedAt, position === undefined ? 0 : position.appendedAt];
  if (policy.aheadMsMax === undefined || opened === undefined || written === undefined) return undefined;
  const until = Math.max(opened, written) + LEASE_MS + LATE_MS + policy.aheadMsMax;
  if (appendedAt === undefined || appendedAt < until) return undefined;
  return cluster.offsetAt(place, until);
}

/** The last batch that was seen of a producer. */
class LastBatch {
  #last: { header: FoundBatch['header']; bytes: Buffer | undefined } | undefined;

  /** Answers that more is wanted. */
  keep({ header, bytes }: FoundBatch): false {
    // Its bytes are wanted only where the cluster wrote its own time, and with it another CRC.
    this.#last = { header, bytes: header.timestampType === 'append' ? Buffer.from(bytes) : undefined };
    return false;
  }

  get isFound(): boolean {
    return this.#last !== undefined;
  }

  get lastSequence(): number {
    return lastSequenceOf(this.#last!.header);
  }

  get endOffset(): number {
    return this.#last!.header.lastOffset + 1;
  }

  crc(): number {
    const { header, bytes } = this.#last!;
    return bytes === undefined ? header.crc : sealedCrc(bytes, header);
  }
}

function furthest(a: Position | undefined, b: Position | undefined): Position | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.next > a.next ? b : a;
}
