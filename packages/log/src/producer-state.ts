import { type BatchHeader, isReservedProducerId, SEQUENCE_MODULUS } from '@edgelog/wire';
import type { Refusal } from './batch-fault.ts';
import type { AppendError, ProducerState } from './types.ts';

/** Batches kept per producer id, to recognise a repeat [KIP-98]. */
export const BATCHES_KEPT = 5;

/**
 * Sequences are a ring: what lies up to half of it behind the position is behind, the rest is ahead. Without this bound
 * a skip by a run of more than 2^31 records would look like a repeat and be acknowledged without being stored.
 */
const BEHIND_MAX = SEQUENCE_MODULUS / 2;

export type ProducerVerdict =
  | { verdict: 'append' }
  /** Offsets of the original, −1 when it is older than the batches kept. */
  | { verdict: 'duplicate'; baseOffset: number; lastOffset: number }
  | ({ verdict: 'refuse' } & Refusal);

const APPEND: ProducerVerdict = { verdict: 'append' };

/**
 * What Kafka's idempotence rules say about a batch (KAFKA.md, "Idempotent producers"), but that a full repeat of any stored range is a
 * duplicate, as DESIGN section 3 has it for gateways. Kafka refuses what is older than the batches kept, and its own producer
 * then repeats that for ever: after requests timed out it sends up to five newer batches first.
 */
export function judge(state: ProducerState | undefined, header: BatchHeader): ProducerVerdict {
  if (state === undefined) return APPEND;
  const { producerEpoch, baseSequence } = header;
  if (producerEpoch < state.producerEpoch) {
    return refuse(
      'INVALID_PRODUCER_EPOCH',
      header,
      `epoch ${producerEpoch} is older than ${state.producerEpoch}`,
    );
  }
  if (producerEpoch > state.producerEpoch) {
    return baseSequence === 0
      ? APPEND
      : refuse('OUT_OF_ORDER_SEQUENCE_NUMBER', header, `epoch ${producerEpoch} must start at sequence 0`);
  }
  const lastSequence = lastSequenceOf(header);
  const kept = state.batches.find(
    (batch) => batch.firstSequence === baseSequence && batch.lastSequence === lastSequence,
  );
  if (kept !== undefined) {
    return {
      verdict: 'duplicate',
      baseOffset: kept.baseOffset,
      lastOffset: kept.baseOffset + header.lastOffsetDelta,
    };
  }
  if (baseSequence === state.nextSequence) return APPEND;
  const behind = advance(state.nextSequence, -baseSequence);
  if (header.lastOffsetDelta < behind && behind <= Math.min(state.recordCount, BEHIND_MAX)) {
    return { verdict: 'duplicate', baseOffset: -1, lastOffset: -1 };
  }
  return refuse(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    header,
    `sequence ${baseSequence} … ${lastSequence} where ${state.nextSequence} is next`,
  );
}

/**
 * The state after the batch was appended at `header.baseOffset`. A batch that does not continue the state (a higher
 * epoch; a follower that takes over what its leader accepted) begins it anew.
 */
export function advanceProducer(
  state: ProducerState | undefined,
  header: BatchHeader,
  appendTime: number,
): ProducerState {
  const continues =
    state !== undefined &&
    state.producerEpoch === header.producerEpoch &&
    state.nextSequence === header.baseSequence;
  const batch = keptBatch(header);
  return {
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    nextSequence: sequenceAfter(batch),
    recordCount: (continues ? state.recordCount : 0) + header.lastOffsetDelta + 1,
    lastAppendTime: appendTime,
    batches: continues ? [...state.batches.slice(1 - BATCHES_KEPT), batch] : [batch],
  };
}

type KeptBatch = ProducerState['batches'][number];

export function keptBatch(header: BatchHeader): KeptBatch {
  return {
    firstSequence: header.baseSequence,
    lastSequence: lastSequenceOf(header),
    baseOffset: header.baseOffset,
    timestamp: header.maxTimestamp,
    crc: header.crc,
  };
}

export function recordsOf({ firstSequence, lastSequence }: KeptBatch): number {
  return advance(lastSequence, -firstSequence) + 1;
}

export function sequenceAfter({ lastSequence }: KeptBatch): number {
  return advance(lastSequence, 1);
}

/** Ordinary ids are forgotten after this long without an append here; reserved ones never (DESIGN section 3). */
export const PRODUCER_EXPIRY_MS = 7 * 24 * 3_600_000;

export function isExpired(state: ProducerState, now: number): boolean {
  return !isReservedProducerId(state.producerId) && now - state.lastAppendTime > PRODUCER_EXPIRY_MS;
}

function lastSequenceOf(header: BatchHeader): number {
  return advance(header.baseSequence, header.lastOffsetDelta);
}

/** Moves round the ring of sequences 0 … 2^31−1. */
function advance(sequence: number, by: number): number {
  return (sequence + by + SEQUENCE_MODULUS) % SEQUENCE_MODULUS;
}

function refuse(error: AppendError, header: BatchHeader, what: string): ProducerVerdict {
  return { verdict: 'refuse', error, message: `producer id ${header.producerId}: ${what}` };
}
