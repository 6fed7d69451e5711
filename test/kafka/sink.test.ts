import { silentLogger } from '@edgelog/runtime';
import { recordsIn, sealBatch } from '@edgelog/sim';
import {
  connectKafkaCluster,
  type KafkaSink,
  openKafkaSink,
  processClock,
  sinkSettings,
} from '@edgelog/sink';
import type { Position, Refusal } from '@edgelog/sync';
import { RESERVED_PRODUCER_ID_MIN, readBatchHeader } from '@edgelog/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KafkaProcesses, startKafka } from '../harness/kafka.ts';
import { until } from '../harness/wait.ts';
import { skipWithoutJava } from '../setup/kafka-jars.ts';
import { RawPartition } from './raw-partition.ts';

/* The sink's own doings at a real broker: what it finds, writes and refuses. Faults of processes and networks are in the fault matrix. */

const DAY_MS = 86_400_000;
const skip = skipWithoutJava('the sink');
let kafka: KafkaProcesses;
let runs = 0;

beforeAll(async () => {
  if (!skip) kafka = await startKafka();
}, 300_000);

afterAll(async () => {
  await kafka?.stop();
});

async function sink(settings: Parameters<typeof sinkSettings>[0] = {}): Promise<KafkaSink> {
  const cluster = await connectKafkaCluster({
    bootstrap: [kafka.bootstrap],
    clientId: 'test',
    log: silentLogger,
  });
  return openKafkaSink({ cluster, log: silentLogger, settings: sinkSettings(settings), ...processClock() });
}

/** A run of a gateway with batches of three records each, and where the gateway thinks it is. */
class Gateway {
  readonly info;
  readonly #time: number;
  acked: Position | undefined;

  constructor(topic: string, time = Date.now()) {
    const number = runs++;
    this.#time = time;
    this.info = {
      producerId: RESERVED_PRODUCER_ID_MIN + 1_000 + number,
      logId: crypto.randomUUID(),
      topic,
      firstOffset: 0,
    };
  }

  batch(offset: number): Buffer {
    const { producerId } = this.info;
    return sealBatch({
      producerId,
      baseOffset: offset,
      records: [offset, offset + 1, offset + 2],
      time: this.#time,
    });
  }

  position(offset: number): Position {
    return { next: offset + 3, crc: readBatchHeader(this.batch(offset)).crc };
  }

  open(at: KafkaSink) {
    return at.openRun('gateway-1', this.info, this.acked);
  }

  async opened(at: KafkaSink): Promise<Position | undefined> {
    for (;;) {
      const answer = await this.open(at);
      if (answer.ok) return answer.position;
      if (answer.code !== 'not-available') throw new Error(answer.message);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Sends batches [from, to) without waiting; answers what became of each. */
  send(at: KafkaSink, from: number, to: number): Promise<(Position | Refusal)[]> {
    const outcomes = [];
    for (let offset = from; offset < to; offset += 3) {
      const answer = at.append(this.info.producerId, this.batch(offset));
      outcomes.push(answer.ok ? answer.committed : answer);
    }
    return Promise.all(outcomes);
  }
}

async function stored(topic: string): Promise<number[]> {
  const found: number[] = [];
  const partition = new RawPartition(kafka, topic);
  for (const { bytes } of await partition.batches()) found.push(...recordsIn(bytes));
  return found;
}

describe.skipIf(skip)('a sink at Kafka', () => {
  test('what was sealed arrives unchanged, in order, and is acknowledged with its own CRC', async () => {
    await kafka.admin.createTopic('plain', {});
    const at = await sink();
    const gateway = new Gateway('plain');
    expect(await gateway.opened(at)).toBeUndefined();
    const outcomes = await gateway.send(at, 0, 90);
    expect(outcomes).toEqual(Array.from({ length: 30 }, (_, i) => gateway.position(3 * i)));
    await at.close();
    const again = await sink();
    expect(await gateway.opened(again)).toEqual(gateway.position(87));
    await gateway.send(again, 90, 120);
    await again.close();
    console.log(await stored('plain'));
  }, 60_000);
});
void [DAY_MS, until];
