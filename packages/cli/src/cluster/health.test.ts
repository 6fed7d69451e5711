import { expect, test } from 'vitest';
import { judge } from './health.ts';
import type { ClusterState, PartitionState } from './state.ts';

const partition = (over: Partial<PartitionState> = {}): PartitionState => ({
  topic: 't',
  partition: 0,
  leader: 1,
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  offline: [],
  adding: [],
  removing: [],
  ...over,
});
const state = (over: Partial<ClusterState> = {}): ClusterState => ({
  clusterId: 'c',
  controller: 1,
  brokers: [1, 2, 3].map((id) => ({ id, address: `h:${id}`, rack: null, isAlive: true })),
  partitions: [partition()],
  ...over,
});

test('a cluster is healthy when everybody is there and in sync', () => {
  expect(judge(state(), new Map())).toEqual({ isHealthy: true, faults: [], notes: [] });
});

test('brokers that were given one address are named by it', () => {
  const brokers = [1, 2, 3].map((id) => ({ id, address: 'h:1', rack: null, isAlive: true }));
  expect(judge(state({ brokers }), new Map()).faults).toEqual([
    'several brokers advertise h:1: give each its own --advertise',
  ]);
});

test('whatever an operator has to look after is said', () => {
  const brokers = [1, 2, 3].map((id) => ({ id, address: null, rack: null, isAlive: id === 1 }));
  const partitions = [
    partition({ leader: -1, isr: [] }),
    partition({ partition: 1, isr: [1] }),
    partition({ partition: 2, isr: [1, 2] }),
  ];
  expect(judge(state({ controller: -1, brokers, partitions }), new Map([['t', 2]])).faults).toEqual([
    'there is no controller',
    'broker 2, 3 are away',
    '1 partition without a leader',
    '1 partition with too few in sync for acks=all',
    '3 partitions under-replicated',
  ]);
});

test('what is being copied to is not missed, and who leads by turns is no fault', () => {
  const partitions = [
    partition({ replicas: [4, 2, 3, 1], isr: [1, 2, 3], adding: [4], removing: [1] }),
    partition({ partition: 1, leader: 2 }),
  ];
  expect(judge(state({ partitions }), new Map())).toEqual({
    isHealthy: true,
    faults: [],
    notes: ['1 partition being moved', '2 partitions led by another than the preferred replica'],
  });
});
