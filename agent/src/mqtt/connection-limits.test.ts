import { expect, test } from 'vitest';
import { ConnectionLimits } from './connection-limits.ts';

test('one host cannot take all connections, all hosts together not more than there are', () => {
  const limits = new ConnectionLimits({ total: 3, perAddress: 2 });
  expect([limits.admit('a'), limits.admit('a')]).toEqual([undefined, undefined]);
  expect(limits.admit('a')).toMatch(/mqttMaxConnectionsPerAddress/);
  expect(limits.admit('b')).toBeUndefined();
  expect(limits.admit('c')).toMatch(/mqttMaxConnections\)/);
  limits.release('a');
  expect(limits.admit('c')).toBeUndefined();
});
