import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { java } from '../harness/java.ts';
import { System } from '../harness/system.ts';
import { kafkaJars, skipWithoutJava } from '../setup/kafka-jars.ts';

const PROGRAM = join(import.meta.dirname, 'java/GroupScenarios.java');
const skip = skipWithoutJava("the test of groups of Java's consumers");
let system: System;

beforeAll(async () => {
  if (skip) return;
  kafkaJars();
  system = await System.create();
  await system.startHub([
    ...['--consumer-heartbeat-interval-ms', '300'],
    ...['--consumer-session-timeout-ms', '6000'],
  ]);
}, 300_000);

afterAll(async () => {
  await system?.stop();
});

test.skipIf(skip)(
  'groups of Java consumers: members come, are killed, come back, read by pattern, and change their protocol while they run',
  async () => {
    const printed = await java(PROGRAM, [system.bootstrap]);
    const results = Object.fromEntries(
      printed
        .trim()
        .split('\n')
        .map((line) => line.split('\t')),
    );
    expect(results).toEqual({
      rebalance: 'read again though committed: 0, as it was not: true',
      static: 'same partitions: true, the other noticed: false',
      pattern: 'values read: 0 to 29',
      rolling: 'lost 0, doubled 0, [Consumer, Consumer, Consumer, Consumer, Consumer, Classic], enough: true',
    });
    const removed = system
      .hub!.stderr.split('\n')
      .filter((line) => line.includes('group member removed'))
      .map((line) => JSON.parse(line))
      .filter(({ group }) => group === 'rebalance');
    expect(removed).toMatchObject([{ group: 'rebalance', reason: 'session timeout', timeoutMs: 6_000 }]);
  },
  120_000,
);
