import { check } from '@edgelog/client';
import { apis, ErrorCode } from '@edgelog/wire';
import { openCluster } from '../kafka/client-settings.ts';

/** Where the agent puts what no route names. */
export const DEMO_TOPIC = 'telemetry';
const TIMEOUT_MS = 10_000;

/** Makes the topic, unless it is there: what is shown to be typed works before the first reading has arrived. Throws REFUSED. */
export async function ensureDemoTopic(bootstrapServers: readonly string[]): Promise<void> {
  const cluster = await openCluster(bootstrapServers, TIMEOUT_MS);
  try {
    const { topics } = await cluster.toController(apis.createTopics, {
      topics: [{ name: DEMO_TOPIC, numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }],
      timeoutMs: TIMEOUT_MS,
    });
    for (const { errorCode, errorMessage } of topics) {
      if (errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) check(errorCode, `topic ${DEMO_TOPIC}`, errorMessage);
    }
  } finally {
    cluster.close();
  }
}
