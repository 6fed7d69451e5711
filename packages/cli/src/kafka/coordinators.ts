import { setTimeout as delay } from 'node:timers/promises';
import { check, type KafkaCluster } from '@edgelog/client';
import { apis, ErrorCode } from '@edgelog/wire';

const PASSING: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
]);
const WAIT_MS = 10_000;
const AGAIN_MS = 200;

/** Asks again while coordinators are being found or loaded, for ten seconds; then that is the answer. */
export async function whileCoordinatorsMove<T>(
  ask: () => Promise<T>,
  errorOf: (answer: T) => number,
): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (!PASSING.has(errorOf(answer)) || performance.now() > deadline) return answer;
    await delay(AGAIN_MS);
  }
}

/** The broker that coordinates a group. */
export async function coordinatorOf(cluster: KafkaCluster, group: string): Promise<number> {
  const found = await whileCoordinatorsMove(
    async () => {
      const answer = await cluster.toAny(apis.findCoordinator, (version) =>
        version >= 4 ? { keyType: 0, coordinatorKeys: [group] } : { key: group, keyType: 0 },
      );
      return answer.coordinators[0] ?? answer;
    },
    ({ errorCode }) => errorCode,
  );
  check(found.errorCode, `coordinator of group ${group}`, found.errorMessage);
  cluster.learnBroker(found.nodeId, { host: found.host, port: found.port });
  return found.nodeId;
}
