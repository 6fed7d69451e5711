import type { PartitionRecord } from '@edgelog/cluster';
import { expect, test } from 'vitest';
import { Metadata } from '../mirror/metadata.ts';
import { PreferredLeaders } from './preferred.ts';

const ID = '0f3c1c1c-58cb-4f1e-9b6e-1b6d6b0f7e11';
const broker = { mark: 'm', kafka: 'a:1', sync: '', http: '', rack: null, draining: false };

function metadataWith(values: Record<string, object>): Metadata {
  const metadata = new Metadata((_, error) => {
    throw error;
  });
  const topic = { id: ID, partitions: 1, configs: {}, createdAtMs: 0 };
  const all = { 'topics/t': topic, 'directories/1': { mark: 'm', accepted: 'm' }, ...values };
  metadata.apply(
    1,
    Object.entries(all).map(([path, value]) => ({
      path,
      kv: {
        key: path,
        value: Buffer.from(JSON.stringify(value)),
        createRevision: 7,
        modRevision: 7,
        version: 1,
        lease: undefined,
      },
    })),
  );
  return metadata;
}

const led: PartitionRecord = {
  replicas: [1, 2],
  isr: [1, 2],
  elr: [],
  leader: 2,
  leaderEpoch: 4,
  leaderBrokerEpoch: 7,
  minInsync: 1,
  adding: [],
  removing: [],
};

test('a preferred leader gets the lead when it could have had it for a while', () => {
  const metadata = metadataWith({ 'brokers/1': broker, [`partitions/${ID}/0`]: led });
  const preferred = new PreferredLeaders(1_000);
  expect(preferred.due(metadata, 0)).toEqual([]);
  expect(preferred.due(metadata, 999)).toEqual([]);
  expect(preferred.due(metadata, 1_000).map(({ next }) => [next.leader, next.leaderEpoch])).toEqual([[1, 5]]);
});

test('one that leaves the in-sync replicas in between waits anew', () => {
  const preferred = new PreferredLeaders(1_000);
  const inSync = metadataWith({ 'brokers/1': broker, [`partitions/${ID}/0`]: led });
  const behind = metadataWith({ 'brokers/1': broker, [`partitions/${ID}/0`]: { ...led, isr: [2] } });
  expect(preferred.due(inSync, 0)).toEqual([]);
  expect(preferred.due(behind, 500)).toEqual([]);
  expect(preferred.due(inSync, 1_200)).toEqual([]);
  expect(preferred.due(inSync, 2_200)).toHaveLength(1);
});

test('a broker that drains, or is away, gets no lead', () => {
  const draining = { ...broker, draining: true };
  for (const values of [{ 'brokers/1': draining }, {}]) {
    const preferred = new PreferredLeaders(0);
    expect(preferred.due(metadataWith({ ...values, [`partitions/${ID}/0`]: led }), 5_000)).toEqual([]);
  }
});
