import { expect, test } from 'vitest';
import { changeConfigs } from './config-changes.ts';
import { topicConfigDefinitions } from './topic-config.ts';

const definitions = new Map(topicConfigDefinitions(1_000_000, 2 ** 28).map((one) => [one.name, one]));
const BEFORE = { 'retention.ms': '1000' };
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

function after(
  name: string,
  operation: number,
  value: string | null,
  before: Record<string, string> = BEFORE,
) {
  const outcome = changeConfigs(definitions, before, [{ name, operation, value }]);
  return 'error' in outcome ? outcome.error : outcome.configs;
}

test('a value is set, replaced and deleted, and the others stay', () => {
  expect(after('segment.ms', SET, '5')).toEqual({ ...BEFORE, 'segment.ms': '5' });
  expect(after('retention.ms', SET, '-1')).toEqual({ 'retention.ms': '-1' });
  expect(after('retention.ms', DELETE, null)).toEqual({});
  expect(after('segment.ms', DELETE, null)).toEqual(BEFORE);
  expect(after('retention.ms', SET, ' 5 ')).toEqual({ 'retention.ms': '5' });
});

test('lists grow from their default and lose what is named, once each', () => {
  expect(after('cleanup.policy', APPEND, 'compact', {})).toEqual({ 'cleanup.policy': 'delete,compact' });
  expect(after('cleanup.policy', APPEND, 'delete', {})).toEqual({ 'cleanup.policy': 'delete' });
  expect(after('cleanup.policy', SUBTRACT, 'delete', { 'cleanup.policy': 'delete, compact' })).toEqual({
    'cleanup.policy': 'compact',
  });
  expect(after('cleanup.policy', SUBTRACT, 'delete', {})).toBe('INVALID_CONFIG');
});

test.each([
  ['an unknown config', 'retention', SET, '1', 'INVALID_CONFIG'],
  ['a value that is not allowed', 'retention.ms', SET, 'ten', 'INVALID_CONFIG'],
  ['no value', 'retention.ms', SET, null, 'INVALID_REQUEST'],
  ['an append to what is no list', 'retention.ms', APPEND, '1', 'INVALID_CONFIG'],
  ['an unknown operation', 'cleanup.policy', 4, 'compact', 'INVALID_REQUEST'],
])('%s is refused', (_, name, operation, value, error) => {
  expect(after(name, operation, value)).toBe(error);
});

test('one bad change leaves the good ones undone', () => {
  const outcome = changeConfigs(definitions, BEFORE, [
    { name: 'segment.ms', operation: SET, value: '5' },
    { name: 'retention.ms', operation: SET, value: 'x' },
  ]);
  expect(outcome).toMatchObject({ error: 'INVALID_CONFIG' });
  expect(BEFORE).toEqual({ 'retention.ms': '1000' });
});

test('one config named twice is refused', () => {
  const change = { name: 'segment.ms', operation: SET, value: '5' };
  expect(changeConfigs(definitions, {}, [change, change])).toMatchObject({ error: 'INVALID_REQUEST' });
});

test('a least lag of compaction above the greatest is refused, whichever is set last', () => {
  expect(after('min.compaction.lag.ms', SET, '10', { 'max.compaction.lag.ms': '9' })).toBe('INVALID_CONFIG');
  expect(after('max.compaction.lag.ms', SET, '9', { 'min.compaction.lag.ms': '10' })).toBe('INVALID_CONFIG');
  expect(after('max.compaction.lag.ms', SET, '10', { 'min.compaction.lag.ms': '10' })).toMatchObject({
    'max.compaction.lag.ms': '10',
  });
});
