import { ErrorCode } from '@edgelog/wire';
import { askKafka } from '../harness/kafka-raw.ts';
import { until } from '../harness/wait.ts';

const VERSION = 9;
const EVERY_MS = 5;
const TIMEOUT_MS = 120_000;

/** Resolves when a broker on this port answers Metadata without an error, for every topic named. */
export async function firstAnswer(port: number, topics: readonly string[] = []): Promise<void> {
  await until(
    `a broker answers on port ${port}`,
    async () => {
      const response = await askKafka(port, 'metadata', VERSION, {
        topics: topics.map((name) => ({ name })),
        allowAutoTopicCreation: false,
      });
      return response.topics.every(
        ({ errorCode, partitions }) =>
          errorCode === ErrorCode.NONE && partitions.every((partition) => partition.leaderId >= 0),
      );
    },
    TIMEOUT_MS,
    EVERY_MS,
  );
}
