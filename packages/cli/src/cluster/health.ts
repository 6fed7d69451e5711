import { isUnderReplicated } from '@edgelog/cluster';
import { plural } from '../table.ts';
import type { ClusterState } from './state.ts';

export interface Health {
  readonly isHealthy: boolean;
  /** What an operator has to look after. */
  readonly faults: readonly string[];
  /** What is worth knowing and no fault. */
  readonly notes: readonly string[];
}

/** `minInsync`: the topics' min.insync.replicas, of those that have a partition that is under-replicated. */
export function judge(state: ClusterState, minInsync: ReadonlyMap<string, number>): Health {
  const { partitions, brokers, controller } = state;
  const count = (test: (one: (typeof partitions)[number]) => boolean): string | undefined => {
    const found = partitions.filter(test).length;
    return found === 0 ? undefined : plural(found, 'partition');
  };
  const say = (subject: string | undefined, rest: string) =>
    subject === undefined ? [] : [`${subject} ${rest}`];
  const away = brokers.filter(({ isAlive }) => !isAlive).map(({ id }) => id);
  const addresses = brokers.flatMap(({ address }) => address ?? []);
  const shared = new Set(addresses.filter((address, i) => addresses.indexOf(address) < i));
  const faults = [
    ...[...shared].map((address) => `several brokers advertise ${address}: give each its own --advertise`),
    ...(controller < 0 ? ['there is no controller'] : []),
    ...(away.length === 0 ? [] : [`broker ${away.join(', ')} ${away.length === 1 ? 'is' : 'are'} away`]),
    ...say(
      count(({ leader }) => leader < 0),
      'without a leader',
    ),
    ...say(
      count((one) => {
        const { leader, isr, replicas, adding, topic } = one;
        const needed = Math.min(minInsync.get(topic) ?? 1, replicas.length - adding.length);
        return leader >= 0 && isUnderReplicated(one) && isr.length < needed;
      }),
      'with too few in sync for acks=all',
    ),
    ...say(count(isUnderReplicated), 'under-replicated'),
  ];
  const notes = [
    ...say(
      count(({ adding, removing }) => adding.length + removing.length > 0),
      'being moved',
    ),
    ...say(
      count(({ leader, replicas }) => leader >= 0 && leader !== replicas[0]),
      'led by another than the preferred replica',
    ),
  ];
  return { isHealthy: faults.length === 0, faults, notes };
}
