import { type BatchHeader, SEQUENCE_MODULUS } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProducerRewind } from './producer-rewind.ts';
import { advanceProducer } from './producer-state.ts';
import { makeBatch } from './test-batches.ts';
import type { ProducerState } from './types.ts';

const NOW = 5000;
const run = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 }),
  first: fc.constantFrom(0, 5, SEQUENCE_MODULUS - 4),
});

/** A producer's batches, each run of another epoch. */
function headersOf(runs: readonly { counts: number[]; first: number }[]): BatchHeader[] {
  const headers: BatchHeader[] = [];
  runs.forEach(({ counts, first }, producerEpoch) => {
    let baseSequence = first;
    for (const count of counts) {
      const baseOffset = (headers.at(-1)?.lastOffset ?? 0) + 2;
      headers.push(makeBatch({ baseOffset, count, producerId: 7, producerEpoch, baseSequence }).header);
      baseSequence = (baseSequence + count) % SEQUENCE_MODULUS;
    }
  });
  return headers;
}

function stateAfter(headers: readonly BatchHeader[]): ProducerState | undefined {
  return headers.reduce<ProducerState | undefined>(
    (state, header) => advanceProducer(state, header, NOW),
    undefined,
  );
}

function rewind(state: ProducerState, endOffset: number, log: readonly BatchHeader[]) {
  const one = new ProducerRewind(state, endOffset);
  for (const header of log.toReversed()) one.visit(header);
  return one.state;
}

test('a producer is as it was before what was cut, over epochs and round the ring of sequences', () => {
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 3 }), fc.nat(40), (runs, at) => {
      const headers = headersOf(runs);
      const kept = headers.slice(0, at % headers.length);
      const expected = stateAfter(kept);
      const found = rewind(stateAfter(headers)!, (kept.at(-1)?.lastOffset ?? -1) + 1, headers);
      expect(found && { ...found, batches: [] }).toEqual(expected && { ...expected, batches: [] });
      expect(found?.batches ?? []).toEqual(expected?.batches.slice(-found!.batches.length) ?? []);
      if (expected !== undefined) expect(found!.batches.length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

test('batches that retention took away are missing, and nothing else', () => {
  const headers = headersOf([{ counts: [2, 2, 2, 1, 1, 1, 1, 1, 1], first: 0 }]);
  const endOffset = headers[3]!.baseOffset;
  const left = rewind(stateAfter(headers)!, endOffset, headers.slice(3));
  expect(left).toMatchObject({ nextSequence: 6, recordCount: 6, batches: [] });
  const some = rewind(stateAfter(headers)!, endOffset, headers.slice(2));
  expect(some).toMatchObject({ nextSequence: 6, recordCount: 6, batches: [{ firstSequence: 4 }] });
});
