import { assert } from '@edgelog/base';

export interface AssignableBroker {
  readonly id: number;
  readonly rack: string | null;
}

export interface AssignmentRequest {
  readonly partitions: number;
  /** At most as many as there are brokers, those that are away included. */
  readonly replicas: number;
  /** Brokers that are known and not alive: they stand last, and only where the others are too few [KRaft's StripedReplicaPlacer]. */
  readonly away?: readonly number[];
  /** Index of the first one, for partitions that are added to a topic. */
  readonly firstPartition?: number;
  /** In [0, 1): where it begins, so that small topics do not all lie on the same brokers. */
  readonly random: () => number;
}

/**
 * Replica lists for new partitions, the preferred leader first: leaders in turn, and followers in turn behind them, shifted by one each
 * time the brokers were gone through. Where racks are known, no replica goes to a rack, or to a broker, that already has one as long as
 * another rack, or another broker, has none [Kafka's AdminUtils].
 */
export function assignReplicas(
  brokers: readonly AssignableBroker[],
  { partitions, replicas, away = [], firstPartition = 0, random }: AssignmentRequest,
): number[][] {
  const here = Math.min(replicas, brokers.length);
  const lacking = replicas - here;
  assert(here >= 1 && lacking <= away.length, `${replicas} replicas on ${brokers.length} brokers`);
  const ring = alternatingRacks(brokers);
  const start = Math.floor(random() * ring.length);
  const shift = Math.floor(random() * ring.length);
  return Array.from({ length: partitions }, (_, i) => {
    const at = firstPartition + i;
    const leader = (start + at) % ring.length;
    const absent = Array.from({ length: lacking }, (_, k) => away[(start + at + k) % away.length]!);
    return [...spread(ring, leader, shift + Math.floor(at / ring.length), here), ...absent];
  });
}

/** One of each rack in turn, so that neighbours stand in different racks. */
function alternatingRacks(brokers: readonly AssignableBroker[]): AssignableBroker[] {
  const racks = new Map<string, AssignableBroker[]>();
  for (const broker of [...brokers].sort((a, b) => a.id - b.id)) {
    const rack = rackOf(broker);
    racks.set(rack, [...(racks.get(rack) ?? []), broker]);
  }
  const queues = [...racks.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, queue]) => queue);
  const ring: AssignableBroker[] = [];
  for (let round = 0; ring.length < brokers.length; round++) {
    for (const queue of queues) if (queue[round] !== undefined) ring.push(queue[round]!);
  }
  return ring;
}

function spread(
  ring: readonly AssignableBroker[],
  leader: number,
  shift: number,
  replicas: number,
): number[] {
  const chosen = [ring[leader]!];
  const others = ring.length - 1;
  for (let k = 0; chosen.length < replicas; k++) {
    // Goes through all others, beginning with another one for each shift; as long as there are fresh racks, only those.
    const candidates = Array.from(
      { length: others },
      (_, i) => ring[(leader + 1 + ((shift + k + i) % others)) % ring.length]!,
    ).filter((one) => !chosen.includes(one));
    const usedRacks = new Set(chosen.map(rackOf));
    chosen.push(candidates.find((one) => !usedRacks.has(rackOf(one))) ?? candidates[0]!);
  }
  return chosen.map(({ id }) => id);
}

/** Where a broker stands; one without a rack shares none. */
export const rackOf = ({ id, rack }: AssignableBroker): string =>
  rack === null ? `broker ${id}` : `rack ${rack}`;
