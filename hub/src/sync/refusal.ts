import { type Refusal, refuse } from '@edgelog/sync';
import type { ErrorName } from '@edgelog/wire';
import type { Run } from './runs.ts';

/** For now; the agent opens the run again. */
export function notAvailable({ topic, partition }: Run, reason: ErrorName | string): Refusal {
  return refuse('not-available', `${topic}-${partition}: ${reason}`);
}

export function deletedTopic(topic: string): string {
  return `topic ${topic} was deleted at the hub; the stream goes on when it is created again`;
}
