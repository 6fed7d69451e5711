import { EdgelogError } from '@edgelog/base';
import type { AssignableBroker } from './assignment.ts';
import { type Placed, Placement } from './placement.ts';

export type { Placed };

/** A partition that is to get another replica list. */
export interface Move {
  readonly topic: string;
  readonly partition: number;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/**
 * Spreads these partitions over these brokers alone: each keeps its number of replicas, those lie in as many racks as there can be, no broker
 * has more than one replica, or leads more than one partition, more than another where racks and replicas allow it, and little more
 * is copied than that takes. Throws REFUSED where a partition has more replicas than there are brokers.
 */
export function planSpread(partitions: readonly Placed[], brokers: readonly AssignableBroker[]): Move[] {
  demandRoom(partitions, brokers);
  const placement = new Placement(partitions, brokers);
  placement.refill();
  placement.spreadOverRacks();
  placement.balance();
  placement.balanceLeaders('all');
  return placement.changes();
}

/**
 * Empties brokers: their replicas go to others, the least loaded first, in other racks than the rest of their partition where
 * there is one. Nothing else is moved. `staying` are the brokers that may take them. Throws REFUSED where they are too few.
 */
export function planDrain(
  partitions: readonly Placed[],
  staying: readonly AssignableBroker[],
  leaving: ReadonlySet<number>,
): Move[] {
  const known = new Set(staying.map(({ id }) => id));
  const away = new Set(replicasOf(partitions).filter((id) => !known.has(id) && !leaving.has(id)));
  demandRoom(
    partitions.filter(({ replicas }) => replicas.some((id) => leaving.has(id))),
    staying,
    away,
  );
  const placement = new Placement(partitions, staying, away);
  placement.refill();
  placement.balanceLeaders('moved');
  return placement.changes();
}

/**
 * Gives brokers that were added their share: as few replicas as make up for what others have more, and only to them. Racks
 * are not crowded by it.
 */
export function planAdd(
  partitions: readonly Placed[],
  brokers: readonly AssignableBroker[],
  added: ReadonlySet<number>,
): Move[] {
  const known = new Set(brokers.map(({ id }) => id));
  const away = new Set(replicasOf(partitions).filter((id) => !known.has(id)));
  const placement = new Placement(partitions, brokers, away);
  placement.balance(added);
  placement.balanceLeaders('moved');
  return placement.changes();
}

const replicasOf = (partitions: readonly Placed[]): number[] => [
  ...new Set(partitions.flatMap(({ replicas }) => replicas)),
];

function demandRoom(
  partitions: readonly Placed[],
  brokers: readonly AssignableBroker[],
  left: ReadonlySet<number> = new Set(),
): void {
  for (const { topic, partition, replicas } of partitions) {
    const wanted = replicas.filter((id) => !left.has(id)).length;
    if (wanted <= brokers.length) continue;
    const ids =
      brokers.length === 0 ? 'none' : `${brokers.length}: ${brokers.map(({ id }) => id).join(', ')}`;
    const what = `${topic}-${partition} has ${wanted} ${wanted === 1 ? 'replica' : 'replicas'} to place`;
    throw new EdgelogError('REFUSED', `${what}, and the brokers for them are too few (${ids})`);
  }
}
