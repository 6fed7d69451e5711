import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { agentStore, listening } from '@edgelog/sim';
import { SinkHolder, sinkSettings } from '@edgelog/sink';
import { inProcess, startUplink } from '@edgelog/sync';
import { describe, expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { renewNode } from '../harness/kafka-node.ts';
import { until } from '../harness/wait.ts';
import { storedBatches } from './delivered.ts';
import { RawPartition } from './raw-partition.ts';
import { withKafka } from './with-kafka.ts';

const TOPIC = 'telemetry';
const ANOTHER = 'QW5vdGhlckNsdXN0ZXJIZQ';
const TUNING = { backoffMinMs: 10, backoffMaxMs: 100, refusedRetryMs: 100 };
let kafka: KafkaProcesses;
const skip = withKafka('a cluster that was made anew', (started) => {
  kafka = started;
});

/** A gateway with the real uplink, and the sink as a process holds it. */
function gatewayAt(bootstrap: string, anotherMs: number) {
  const log = listening();
  const clock = { now: Date.now, after: (ms: number, run: () => void) => void setTimeout(run, ms) };
  const store = agentStore({ gateway: 'gateway-1', topics: [TOPIC], clock }, {});
  const settings = { ...sinkSettings(), kafkaSasl: undefined };
  const holder = new SinkHolder({ url: `kafka://${bootstrap}`, settings, clientId: 'test', log, anotherMs });
  const reached: unknown[] = [];
  const reach = async () => {
    try {
      return await holder.reach();
    } catch (error) {
      reached.push(error);
      throw error;
    }
  };
  const connect = inProcess({ reach, log, checkEveryMs: 100 });
  const uplink = startUplink({ urls: ['kafka://here'], port: store, log, connect, tuning: TUNING });
  return {
    ...{ log, holder, reached },
    take: async (...numbers: number[]) => {
      await store.ingest(0, numbers);
      uplink.notify();
    },
    drained: () => until('all is drained', () => store.stored().every(({ drained }) => drained), 120_000),
    stop: async () => {
      await uplink.stop();
      await holder.stop();
    },
  };
}

async function stored(): Promise<number[]> {
  const batches = await storedBatches([new RawPartition(kafka, TOPIC)]);
  return batches.flatMap(({ records }) => records);
}

describe.skipIf(skip)('a cluster that is made anew at the same addresses', () => {
  test('is refused at first, and gone over to once it has answered for long enough', async () => {
    const gateway = gatewayAt(kafka.bootstrap, 2_000);
    try {
      await gateway.take(0, 1, 2);
      await gateway.drained();
      const before = gateway.holder.sink!.hubId;
      await kafka.node(1).kill();
      renewNode(join(kafka.dir, kafka.node(1).name), ANOTHER);
      kafka.node(1).spawn();
      await kafka.ready();
      await gateway.take(3, 4);
      await gateway.drained();
      expect(gateway.holder.sink!.hubId).toBe(ANOTHER);
      expect(before).not.toBe(ANOTHER);
      // What the one before has acknowledged is its own; all else is here, once and in order.
      expect(await stored()).toEqual([3, 4]);
      const refusals = gateway.reached.filter(
        (error) => error instanceof EdgelogError && error.message.includes(`was cluster ${before} before`),
      );
      expect(refusals.length).toBeGreaterThan(0);
      expect(gateway.log.said.map(({ event }) => event)).toContain(
        'another cluster has taken the place of the one before: streams begin anew there',
      );
    } finally {
      await gateway.stop();
    }
  });
});
