import { expect, test } from 'vitest';
import { Alarms } from './alarms.ts';

const log = { info: () => {}, error: () => {} };

test('what tells of the past ends when it is acknowledged, and comes again when it happens again', () => {
  const alarms = new Alarms(log);
  alarms.raise('dropped telemetry', '5 records', 'events');
  alarms.acknowledge('dropped telemetry');
  expect(alarms.list()).toEqual([]);
  alarms.raise('dropped telemetry', '9 records', 'events');
  expect(alarms.list()).toMatchObject([{ name: 'dropped telemetry', message: '9 records' }]);
});

test('what goes on is not acknowledged away, and a name that is wrong is told', () => {
  const alarms = new Alarms(log);
  alarms.raise('disk full', 'no room');
  expect(() => alarms.acknowledge('disk full')).toThrow(/"disk full" ends with its cause/);
  expect(() => alarms.acknowledge('dropped telemetry')).toThrow(/no alarm "dropped telemetry"/);
  expect(alarms.list()).toHaveLength(1);
});
