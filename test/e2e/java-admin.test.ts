import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { java } from '../harness/java.ts';
import { System } from '../harness/system.ts';
import { kafkaJars, skipWithoutJava } from '../setup/kafka-jars.ts';

const PROGRAM = join(import.meta.dirname, 'java/AdminCalls.java');
const skip = skipWithoutJava("the test of Kafka's AdminClient");
let system: System;

beforeAll(async () => {
  if (skip) return;
  kafkaJars();
  system = await System.create();
  await system.startHub();
}, 300_000);

afterAll(async () => {
  await system?.stop();
});

/** Left out: ACLs, transactions, and share and streams groups, which the hub does not serve. */
test.skipIf(skip)(
  'every describe and list call of the Java AdminClient is answered',
  async () => {
    const printed = await java(PROGRAM, [system.bootstrap]);
    const results = Object.fromEntries(
      printed
        .trim()
        .split('\n')
        .map((line) => line.split('\t')),
    );
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
  },
  120_000,
);
