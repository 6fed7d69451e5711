import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logName, parseLogName } from './log-name.ts';

test('a log name says what it belongs to, whatever the topic is called', () => {
  const topic = fc.stringMatching(/^[a-zA-Z0-9._-]{1,40}$/);
  fc.assert(
    fc.property(topic, fc.nat(9_999), fc.option(fc.uuid(), { nil: undefined }), (topic, index, topicId) => {
      expect(parseLogName(logName({ topic, index, topicId }))).toEqual({ topic, index, topicId });
    }),
  );
  const odd = { topic: 'a-0.11111111-1111-1111-1111-111111111111', index: 7, topicId: undefined };
  expect(parseLogName(logName(odd))).toEqual(odd);
  const digits = { topic: 'a', index: 0, topicId: '11111111-1111-1111-1111-111111111111' };
  expect(parseLogName(logName(digits))).toEqual(digits);
  expect(parseLogName('nothing')).toBeUndefined();
});
