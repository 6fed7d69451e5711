import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBrokers } from './support.ts';

let brokers: TestBrokers;
beforeAll(async () => {
  brokers = await TestBrokers.start(3);
});
afterAll(() => brokers.close());

test('what is acknowledged by all is at all, and consumers see it', async () => {
  await brokers.createTopic('first', [[1, 2, 3]]);
  expect(await brokers.untilLed('first')).toBe(1);
  expect(await brokers.produce(1, 'first', ['a', 'b'])).toBe(0);
  expect(await brokers.produce(1, 'first', ['c'])).toBe(2);
  const { highWatermark, errorCode } = await brokers.fetch(1, 'first', 0);
  expect({ highWatermark, errorCode }).toEqual({ highWatermark: 3, errorCode: 0 });
});

test('a broker that does not lead refuses, and says who does', async () => {
  await expect(brokers.produce(2, 'first', ['x'])).rejects.toThrow('NOT_LEADER_OR_FOLLOWER');
  expect(await brokers.fetch(2, 'first', 0)).toMatchObject({ errorCode: 6, currentLeader: { leaderId: 1 } });
});
