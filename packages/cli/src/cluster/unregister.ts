import { apis } from '@edgelog/wire';
import type { Cluster } from '../kafka/cluster.ts';
import { type Outcome, reportOutcomes } from '../outcomes.ts';

/** Has the cluster forget brokers that are gone for good. */
export async function unregister(
  cluster: Cluster,
  brokers: readonly number[],
  { json }: { json: boolean },
): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const brokerId of brokers) {
    const { errorCode, errorMessage } = await cluster.requestController(apis.unregisterBroker, { brokerId });
    outcomes.push({ name: String(brokerId), errorCode, errorMessage });
  }
  return reportOutcomes(outcomes, { kind: 'broker', done: 'unregistered', json });
}
