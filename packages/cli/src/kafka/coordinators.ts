import { setTimeout as delay } from 'node:timers/promises';
import { ErrorCode } from '@edgelog/wire';

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
