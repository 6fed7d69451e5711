import { expect, test } from 'vitest';
import { checkDelivered } from './delivered.ts';

const PROMISED = [0, 1, 2, 3, 4, 5];

/** Two records in each batch of producer 7, beginning at these sequences. */
const stored = (...from: number[]) =>
  from.map((baseSequence) => ({
    ...{ producerId: 7, baseSequence, recordCount: 2 },
    records: [baseSequence, baseSequence + 1],
  }));

test('what is all there passes', () => {
  checkDelivered(stored(0, 2, 4), PROMISED);
});

test.each([
  ['a batch that is missing', stored(0, 4), /sequence 4 where 2 should be\n2 promised and lost, first 2/],
  ['a batch that is there twice', stored(0, 2, 2, 4), /record 2 twice/],
  ['the last one missing', stored(0, 2), /2 promised and lost, first 4/],
  ['batches in another order', stored(0, 4, 2), /sequence 4 where 2 should be/],
  ['a record of somebody else', stored(0, 2, 4, 6), /2 that nobody promised, first 6/],
] as const)('%s is found', (_name, batches, problem) => {
  expect(() => checkDelivered(batches, PROMISED)).toThrow(problem);
});

test('runs that follow each other in the wrong order are found', () => {
  const second = { producerId: 8, baseSequence: 0, recordCount: 2, records: [0, 1] };
  expect(() =>
    checkDelivered([...stored(0).map((one) => ({ ...one, records: [2, 3] })), second], [0, 1, 2, 3]),
  ).toThrow(/in another order/);
});
