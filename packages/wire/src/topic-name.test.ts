import { expect, test } from 'vitest';
import { illegalTopicName } from './topic-name.ts';

test.each(['telemetry', 'a', 'A.b_c-9', 'x'.repeat(249), '...', '__consumer_offsets'])(
  '%j is legal',
  (name) => {
    expect(illegalTopicName(name)).toBeUndefined();
  },
);

test.each([
  ['', /empty/],
  ['.', /may not be/],
  ['..', /may not be/],
  ['x'.repeat(250), /250 characters, at most 249/],
  ['a b', /"a b" has characters other than/],
  ['a/b', /other than/],
  ['ä', /other than/],
  ['a\n', /other than/],
])('%j is refused with the reason', (name, reason) => {
  expect(illegalTopicName(name)).toMatch(reason);
});
