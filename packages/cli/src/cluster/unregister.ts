import type { KafkaCluster } from '@edgelog/client';
import { apis } from '@edgelog/wire';
import { type Outcome, reportOutcomes } from '../outcomes.ts';

/** Has the cluster forget brokers that are gone for good. */
export async function unregister(
  cluster: KafkaCluster,
  brokers: readonly number[],
  { json }: { json: boolean },
): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const brokerId of brokers) {
    const { errorCode, errorMessage } = await cluster.toController(apis.unregisterBroker, { brokerId });
    outcomes.push({ name: String(brokerId), errorCode, errorMessage });
  }
  return reportOutcomes(outcomes, { kind: 'broker', done: 'unregistered', json });
}
