import type { Broker } from '../../broker.ts';
import type { ReportQuery } from './query.ts';
import type { GroupDetail, GroupRow } from './report-schema.ts';
import { contains, firstByName } from './rows.ts';

/** The groups that this broker coordinates, the first of them by name. */
export function groupRows(broker: Pick<Broker, 'groups' | 'topics'>, query: ReportQuery) {
  const text = query.groups.toLowerCase();
  const row = ({ groupId, state, protocolType, protocol, members }: GroupStatus): GroupRow => {
    const { lag, isLagPartial } = lagOf(broker, groupId);
    return { groupId, state, protocolType, protocol, members: members.length, lag, isLagPartial };
  };
  const found = broker.groups
    .status()
    .filter(({ groupId }) => contains(groupId, text) && (!query.problems || lagOf(broker, groupId).lag > 0));
  const { matching, first } = firstByName(found, ({ groupId }) => groupId, query.groupsThrough);
  return { matching, first: first.map(row) };
}

type GroupStatus = ReturnType<Broker['groups']['status']>[number];

/** Offsets and members shown of one group. */
const DETAIL_ROWS_MAX = 500;

/** One group in full, partitions with the greatest lag first; null where this broker does not coordinate it. */
export function groupDetail(
  broker: Pick<Broker, 'groups' | 'topics'>,
  groupId: string | undefined,
): GroupDetail | null {
  if (groupId === undefined) return null;
  const group = broker.groups.status().find((one) => one.groupId === groupId);
  if (group === undefined) return null;
  const offsets = groupOffsets(broker, group.groupId);
  return {
    groupId: group.groupId,
    members: group.members
      .slice(0, DETAIL_ROWS_MAX)
      .map(({ memberId, clientId, clientHost }) => ({ memberId, clientId, clientHost })),
    memberCount: group.members.length,
    offsets: offsets.toSorted((a, b) => (b.lag ?? 0) - (a.lag ?? 0)).slice(0, DETAIL_ROWS_MAX),
    offsetCount: offsets.length,
  };
}

function lagOf(broker: Pick<Broker, 'groups' | 'topics'>, groupId: string) {
  const offsets = groupOffsets(broker, groupId);
  return {
    lag: offsets.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    isLagPartial: offsets.some(({ lag }) => lag === null),
  };
}

/** The end, and so the lag, is not known of a partition that has no replica here. */
function groupOffsets({ groups, topics }: Pick<Broker, 'groups' | 'topics'>, groupId: string) {
  return groups.committedOffsets(groupId).map(({ topic, partition: index, offset }) => {
    const partition = topics.partition(topic, index);
    const endOffset = partition?.replica === undefined ? null : partition.highWatermark;
    return {
      topic,
      partition: index,
      committedOffset: offset,
      endOffset,
      lag: endOffset === null ? null : Math.max(0, endOffset - offset),
    };
  });
}
