import { SEQUENCE_MODULUS } from '@edgelog/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advanceProducer, isExpired, judge, PRODUCER_EXPIRY_MS } from './producer-state.ts';
import { makeBatch, RESERVED_PID, type TestBatch } from './test-batches.ts';
import type { ProducerState } from './types.ts';

const ORDINARY_PID = 4000;

function header(options: TestBatch) {
  return makeBatch({ producerId: ORDINARY_PID, valueBytes: 1, ...options }).header;
}

/** A state that accepted batches of one record each at sequences 0 … n−1, at the same offsets. */
function accepted(n: number, producerId = ORDINARY_PID): ProducerState {
  let state: ProducerState | undefined;
  for (let i = 0; i < n; i++) {
    state = advanceProducer(state, header({ producerId, baseOffset: i, baseSequence: i }), 0);
  }
  return state!;
}

describe('idempotent producer rules', () => {
  test('an unknown producer id may start at any sequence', () => {
    expect(judge(undefined, header({ baseSequence: 977 }))).toEqual({ verdict: 'append' });
  });

  test('a repeat of one of the last five batches is answered with its offsets, of an older one without', () => {
    const state = accepted(7);
    expect(judge(state, header({ baseSequence: 2 }))).toEqual({
      verdict: 'duplicate',
      baseOffset: 2,
      lastOffset: 2,
    });
    expect(judge(state, header({ baseSequence: 1 }))).toEqual({
      verdict: 'duplicate',
      baseOffset: -1,
      lastOffset: -1,
    });
  });

  test('a skip is refused and so is a batch that only overlaps', () => {
    const state = accepted(7);
    expect(judge(state, header({ baseSequence: 8 }))).toMatchObject({
      error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
    const overlap = header({ baseSequence: 6, count: 2 });
    expect(judge(state, overlap)).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
    const reserved = header({ producerId: RESERVED_PID, baseSequence: 6, count: 2 });
    expect(judge(accepted(7, RESERVED_PID), reserved)).toMatchObject({
      error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
  });

  test('a lower epoch is fenced, a higher one begins at sequence 0', () => {
    const state = { ...accepted(3), producerEpoch: 4 };
    expect(judge(state, header({ producerEpoch: 3, baseSequence: 3 }))).toMatchObject({
      error: 'INVALID_PRODUCER_EPOCH',
    });
    expect(judge(state, header({ producerEpoch: 5, baseSequence: 3 }))).toMatchObject({
      error: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
    const next = header({ producerEpoch: 5, baseSequence: 0, baseOffset: 3 });
    expect(judge(state, next)).toEqual({ verdict: 'append' });
    expect(advanceProducer(state, next, 9)).toMatchObject({
      recordCount: 1,
      nextSequence: 1,
      producerEpoch: 5,
    });
  });

  test('a run that is longer than the ring of sequences still refuses a skip', () => {
    const state = {
      ...accepted(1, RESERVED_PID),
      nextSequence: 100,
      recordCount: 3 * SEQUENCE_MODULUS,
      batches: [],
    };
    const at = (baseSequence: number) => judge(state, header({ producerId: RESERVED_PID, baseSequence }));
    expect(at(100)).toEqual({ verdict: 'append' });
    expect(at(101)).toMatchObject({ verdict: 'refuse' });
    expect(at(100 + 2 ** 30 - 1)).toMatchObject({ verdict: 'refuse' });
    expect(at(99)).toMatchObject({ verdict: 'duplicate', baseOffset: -1 });
    expect(at(SEQUENCE_MODULUS - 5)).toMatchObject({ verdict: 'duplicate', baseOffset: -1 });
  });

  test('ordinary ids expire after a week without an append, reserved ones never', () => {
    expect(isExpired(accepted(1), PRODUCER_EXPIRY_MS)).toBe(false);
    expect(isExpired(accepted(1), PRODUCER_EXPIRY_MS + 1)).toBe(true);
    expect(isExpired(accepted(1, RESERVED_PID), 10 * PRODUCER_EXPIRY_MS)).toBe(false);
  });

  test('agrees with a model that remembers every record, also round the wrap', () => {
    const step = fc.record({
      /** Where the batch begins, relative to the next unwrapped position. */
      skew: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -30, max: 5 })),
      count: fc.integer({ min: 1, max: 6 }),
    });
    const start = fc.oneof(
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: SEQUENCE_MODULUS - 25, max: SEQUENCE_MODULUS - 1 }),
    );
    const pid = fc.constantFrom(ORDINARY_PID, RESERVED_PID);
    fc.assert(
      fc.property(start, pid, fc.array(step, { maxLength: 40 }), (first, producerId, steps) => {
        let state: ProducerState | undefined;
        let position = first;
        const stored: { first: number; count: number; baseOffset: number }[] = [];
        for (const { skew, count } of steps) {
          const from = Math.max(0, position + (state === undefined ? 0 : skew));
          const batch = header({
            producerId,
            count,
            baseOffset: position - first,
            baseSequence: from % SEQUENCE_MODULUS,
          });
          const verdict = judge(state, batch);
          const repeat = stored.slice(-5).find((s) => s.first === from && s.count === count);
          if (repeat !== undefined) {
            expect(verdict).toMatchObject({ verdict: 'duplicate', baseOffset: repeat.baseOffset });
          } else if (from === position) {
            expect(verdict).toEqual({ verdict: 'append' });
            state = advanceProducer(state, batch, 0);
            stored.push({ first: from, count, baseOffset: batch.baseOffset });
            position += count;
            expect(state).toMatchObject({
              nextSequence: position % SEQUENCE_MODULUS,
              recordCount: position - first,
            });
          } else if (from >= first && from + count <= position) {
            expect(verdict).toEqual({ verdict: 'duplicate', baseOffset: -1, lastOffset: -1 });
          } else {
            expect(verdict).toMatchObject({ error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
