import { join } from 'node:path';
import { expect, test } from 'vitest';
import { javaResults } from '../harness/java.ts';
import { javaHub } from '../harness/java-hub.ts';

const PROGRAM = join(import.meta.dirname, 'java/AdminCalls.java');
const hub = javaHub("the test of Kafka's AdminClient");

/** Left out: ACLs, transactions, and share and streams groups, which the hub does not serve. */
test.skipIf(hub.skip)('every describe and list call of the Java AdminClient is answered', async () => {
  const results = await javaResults(PROGRAM, [hub.system.bootstrap]);
  expect(results).toEqual({
    deleteRecords: '4',
    listTopics: '[__consumer_offsets, admin-calls]',
    describeTopics: 'admin-calls 2 8',
    describeCluster: '1 1 7',
    describeConfigs: '3600000 DYNAMIC_TOPIC_CONFIG 1',
    listConfigResources: 'true',
    listClientMetricsResources: '[]',
    describeLogDirs: 'true true',
    describeReplicaLogDirs: '0',
    listOffsets: '[4, 10, 9, 4, 4]',
    describeProducers: '1',
    listGroups: 'true',
    listConsumerGroups: '[]',
    describeConsumerGroups: '[]',
    describeClassicGroups: '[]',
    listConsumerGroupOffsets: '7',
    listPartitionReassignments: '{}',
    describeClientQuotas: '{}',
    describeUserScramCredentials: '{}',
    describeDelegationToken: 'UnsupportedByAuthenticationException',
    describeFeatures: '{}',
    describeMetadataQuorum: '1 1 1',
  });
});
