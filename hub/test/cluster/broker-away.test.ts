import { until } from '@edgelog/sim';
import { apis, ErrorCode } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBrokers } from './support.ts';

const OFFSETS_TOPIC = '__consumer_offsets';
const IDS = [1, 2, 3];

let brokers: TestBrokers;
beforeAll(async () => {
  brokers = await TestBrokers.start(3, { offsetsPartitions: 1 });
});
afterAll(() => brokers.close());

test('the first group of a cluster finds its coordinator while a broker is away, which comes into the ISR later', async () => {
  await brokers.stop(3);
  await until(async () => {
    const { coordinators } = await brokers.call(1, apis.findCoordinator, {
      keyType: 0,
      coordinatorKeys: ['first'],
    });
    return coordinators[0]!.errorCode === ErrorCode.NONE;
  }, 'the group has a coordinator');
  const made = (await brokers.partition(OFFSETS_TOPIC))!;
  expect([...made.replicaNodes].sort()).toEqual(IDS);
  expect([...made.isrNodes].sort()).toEqual([1, 2]);
  await brokers.add(3);
  await brokers.untilInSync(OFFSETS_TOPIC, IDS);
});
