import type { Refusal } from '@edgelog/sync';
import type { ActiveRun, ActiveRunStart } from './active-run.ts';
import type { Announcer } from './announcer.ts';
import type { Doubts } from './doubts.ts';
import { findPosition } from './find-position.ts';
import { handoverOf } from './handover.ts';
import { LATE_MS, LEASE_MS } from './limits.ts';
import type { Partitions } from './partitions.ts';
import { type Asked, type Registration, type RegistrationDeps, register } from './registration.ts';
import type { SinkTimers } from './sink-types.ts';
import { pause } from './survey.ts';
import type { Topics } from './topics.ts';

export interface OpeningDeps extends RegistrationDeps {
  readonly topics: Topics;
  readonly partitions: Partitions;
  readonly announcer: Announcer;
  readonly doubts: Doubts;
  readonly timers: SinkTimers;
}

/**
 * The steps of an opening: the run is registered, what an older session may have under way is waited for, and it is found out how far the
 * run is. `last`: its session here before this one, which has ended. Answers what the new one starts with.
 */
export async function findRun(
  deps: OpeningDeps,
  asked: Asked,
  last: ActiveRun | undefined,
): Promise<ActiveRunStart | Refusal> {
  const { cluster, topics, partitions, announcer, doubts, monotonic, timers } = deps;
  const { gateway, info, acked } = asked;
  const { producerId } = info;
  const found = await topics.forStream(info.topic, gateway);
  if ('ok' in found) return found;
  const { topic, policy } = found;
  const registration = await register(deps, asked, topic);
  if ('ok' in registration) return registration;
  announcer.registered(info, registration, acked, last?.agent);
  const before = last?.isFollowedBy(registration) ? last : undefined;
  const sureAt = sureAtOf(registration, before);
  if (sureAt > monotonic() && before === undefined)
    await pause(timers, handoverOf(registration.position?.record));
  const isBelieved = doubts.isBelieved(producerId);
  const { survey, standing } = await partitions.with(registration.place, async (partition) => {
    const { scanner } = partition;
    const survey = await partition.survey();
    const find = { cluster, scanner, survey, registration, policy, info, acked, isBelieved };
    return { survey, standing: await findPosition(find) };
  });
  const { position, offset, missing } = standing;
  if (missing !== undefined) {
    if (!isBelieved) return doubts.raise(info, missing);
    announcer.lost(gateway, info, missing, position);
  }
  doubts.over(producerId);
  const { leaderEpoch } = survey.ends;
  return { producerId, registration, leaderEpoch, policy, position, offset, sureAt };
}

/** From when on nothing can come any more that was sent under an older opening. `before`: the session there was before, if nobody had the run between. */
function sureAtOf(
  { previous, position, appendedAt, writtenAt }: Registration,
  before: ActiveRun | undefined,
): number {
  if (previous === undefined) return writtenAt;
  if (before !== undefined)
    return before.hasUnknown ? Math.max(before.sureAt, writtenAt + LATE_MS) : before.sureAt;
  const since = Math.max(previous.appendedAt ?? appendedAt ?? 0, position?.appendedAt ?? 0);
  const age = appendedAt === undefined ? 0 : Math.max(0, appendedAt - since);
  return writtenAt + Math.max(0, LEASE_MS + LATE_MS - age);
}
