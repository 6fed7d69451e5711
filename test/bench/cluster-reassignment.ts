import { apis, ErrorCode, errorName } from '@edgelog/wire';
import type { Routes } from '../chaos/clients/routes.ts';
import { until } from '../harness/wait.ts';
import { type Produced, producerPerformance } from './kafka-tools.ts';

const PARTITIONS = 4;
const RECORD_BYTES = 1_000;
const WAIT_MS = 600_000;
const RECORDS_PER_SECOND = 5_000;
const FROM = [1, 2];
const TO = [3, 2];

export interface Reassignment {
  readonly seconds: number;
  /** Of Kafka's producer at a steady rate to another topic meanwhile. */
  readonly produced: Produced;
}

/** Moves one of two replicas of every partition of a topic of so many bytes, which leads, to another broker, while another topic is served. */
export async function measureReassignment(
  bootstrap: string,
  routes: Routes,
  name: string,
  bytes: number,
): Promise<Reassignment> {
  const moved = `${name}-moved`;
  const served = `${name}-served`;
  await createAssigned(routes, moved);
  await routes.createTopic(served, PARTITIONS);
  const records = Math.ceil(bytes / RECORD_BYTES);
  const large = ['batch.size=131072', 'linger.ms=5'];
  await producerPerformance(bootstrap, { topic: moved, records, sizeBytes: RECORD_BYTES, props: large });
  const seconds = 30;
  const producing = producerPerformance(bootstrap, {
    topic: served,
    records: RECORDS_PER_SECOND * seconds,
    sizeBytes: 100,
    recordsPerSecond: RECORDS_PER_SECOND,
    props: [],
  });
  const startedAt = performance.now();
  await reassign(routes, moved);
  const isDone = async (): Promise<boolean> => {
    const answer = await routes.askController(apis.listPartitionReassignments, {
      timeoutMs: 10_000,
      topics: null,
    });
    return answer.errorCode === ErrorCode.NONE && answer.topics.length === 0;
  };
  await until('the replicas are moved', isDone, WAIT_MS, 50);
  const took = (performance.now() - startedAt) / 1_000;
  return { seconds: took, produced: await producing };
}

async function createAssigned(routes: Routes, name: string): Promise<void> {
  const assignments = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: FROM,
  }));
  const answer = await routes.askController(apis.createTopics, {
    topics: [
      {
        name,
        numPartitions: -1,
        replicationFactor: -1,
        assignments,
        configs: [{ name: 'min.insync.replicas', value: '1' }],
      },
    ],
    timeoutMs: 30_000,
    validateOnly: false,
  });
  refuse(answer.topics[0]!.errorCode, `topic ${name}`);
  await routes.know(name, PARTITIONS);
}

async function reassign(routes: Routes, name: string): Promise<void> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({
    partitionIndex,
    replicas: TO,
  }));
  const answer = await routes.askController(apis.alterPartitionReassignments, {
    timeoutMs: 30_000,
    topics: [{ name, partitions }],
  });
  refuse(answer.errorCode, 'the reassignment');
  for (const topic of answer.responses)
    for (const { errorCode, partitionIndex } of topic.partitions)
      refuse(errorCode, `the reassignment of ${name}-${partitionIndex}`);
}

function refuse(errorCode: number, what: string): void {
  if (errorCode !== ErrorCode.NONE) throw new Error(`${what} was refused: ${errorName(errorCode)}`);
}
