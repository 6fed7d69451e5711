import { expect, test } from 'vitest';
import { checkGaps } from './declared-gaps.ts';

const gap = (from: number, to: number, reason = 'dropped') => ({ topic: 'ring', from, to, reason });
/** The log is a:0 b:0 a:1 a:2 b:1 a:3, of which 2 to 4 were dropped. */
const whole = {
  labels: ['a:0', 'b:0:x', 'b:1', 'a:3'],
  gaps: [gap(2, 4)],
  endOffset: 6,
  acked: new Map([
    ['a', [0, 1, 2, 3]],
    ['b', [0, 1]],
  ]),
};

test('each offset is read or declared lost, and what is lost lies where that was declared', () => {
  expect(checkGaps(whole)).toEqual([]);
  expect(checkGaps({ ...whole, gaps: [gap(2, 3), gap(3, 4)] })).toEqual([]);
});

test('a loss without a word, a gap elsewhere, one that is too small, and records out of order are found', () => {
  expect(checkGaps({ ...whole, gaps: [] })).toMatchObject(
    [
      /4 read and 0 declared lost, the gateway took 6/,
      /2 messages of a from 1 on were acknowledged and are lost, declared there are 0/,
    ].map((pattern) => expect.stringMatching(pattern)),
  );
  expect(checkGaps({ ...whole, gaps: [gap(0, 2)] })).toHaveLength(1);
  expect(checkGaps({ ...whole, gaps: [gap(2, 3)] })).toHaveLength(2);
  expect(checkGaps({ ...whole, gaps: [gap(2, 4), gap(3, 5)] }).length).toBeGreaterThan(0);
  expect(checkGaps({ ...whole, gaps: [gap(2, 4, 'diverged')] })).toHaveLength(1);
  expect(checkGaps({ ...whole, labels: ['a:0', 'b:1', 'b:0', 'a:3'] }).length).toBeGreaterThan(0);
});
