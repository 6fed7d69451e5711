import type { GroupSettings } from '../settings.ts';
import type { ConsumerState } from './state.ts';

export function unitsOf(names: readonly string[]): number {
  let sum = 0;
  for (const name of names) sum += name.length;
  return sum;
}

/** Which bound the group would exceed with a subscription of so many units in the place of `holderId`, if any. Who holds a place keeps it. */
export function boundExceeded(
  { members }: ConsumerState,
  holderId: string | undefined,
  units: number,
  { membersMax, groupMetadataBytesMax }: GroupSettings,
): 'members' | 'subscriptions' | undefined {
  if (holderId === undefined && members.size >= membersMax) return 'members';
  let sum = units;
  for (const { memberId, said } of members.values()) {
    if (memberId === holderId) continue;
    sum += unitsOf(said.subscribedTopicNames);
    for (const { name, metadata } of said.classicMemberMetadata?.supportedProtocols ?? [])
      sum += name.length + metadata.length;
  }
  return sum > groupMetadataBytesMax ? 'subscriptions' : undefined;
}
