import { formatBytes, formatCount, formatDuration, formatRate } from './format.ts';
import { type Snapshot, sum } from './monitor.ts';

/** One line about everything, for logs and pipes. */
export function plainLine(snapshot: Snapshot): string {
  const { agent, fleet } = snapshot;
  const streams = agent?.streams;
  const groups = snapshot.groups.map(
    ({ groupId, members, lag }) => `${groupId} (${members.length} members, lag ${formatCount(lag)})`,
  );
  const brokers = Object.entries(snapshot.hubs).flatMap(([name, { broker }]) =>
    broker === undefined ? [] : [`${name} ${broker.state}, leads ${broker.leaders} of ${broker.replicas}`],
  );
  return [
    `devices ${fleet?.connected ?? '–'}/${fleet?.devices ?? '–'}`,
    `agent in ${formatRate(snapshot.agentPerSecond)}`,
    ...brokers,
    `hub in ${formatRate(snapshot.hubPerSecond)}, out ${formatBytes(snapshot.sentBytesPerSecond)}/s`,
    `backlog ${formatCount(sum(streams, ({ lagRecords }) => lagRecords))} records, ${formatBytes(sum(streams, ({ lagBytes }) => lagBytes))}, oldest ${formatDuration(streams && Math.max(0, ...streams.map(({ oldestUnackedMs }) => oldestUnackedMs)))}`,
    `uplink ${agent === undefined ? '–' : agent.uplink.state === 'paused' ? 'CUT' : agent.uplink.state}`,
    groups.length === 0 ? 'no groups' : `groups ${groups.join(', ')}`,
  ].join(' | ');
}
