import { ErrorCode, errorName } from '@edgelog/wire';
import { askKafka } from '../harness/kafka-raw.ts';
import { firstAnswer } from './first-answer.ts';

const VERSION = 5;
const TIMEOUT_MS = 60_000;

/** Creates a topic and waits until it can be used: by a request of our own, since Kafka's tool takes seconds to start. */
export async function createTopic(
  port: number,
  name: string,
  numPartitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  const response = await askKafka(port, 'createTopics', VERSION, {
    topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: entries }],
    timeoutMs: TIMEOUT_MS,
    validateOnly: false,
  });
  const { errorCode } = response.topics[0]!;
  if (errorCode !== ErrorCode.NONE) throw new Error(`topic ${name} was not created: ${errorName(errorCode)}`);
  await firstAnswer(port, [name]);
}
