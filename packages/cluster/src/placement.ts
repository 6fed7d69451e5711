import { assert } from '@edgelog/base';
import { type AssignableBroker, rackOf } from './assignment.ts';
import { evenOut } from './even-out.ts';

/** Where a partition lies, the preferred leader first. */
export interface Placed {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
}

interface Slot {
  readonly topic: string;
  readonly partition: number;
  readonly before: readonly number[];
  /** Grows into the one that is wanted; a replica that is moved keeps its place in the order. */
  readonly replicas: number[];
}

/** A distribution of partitions over brokers that is being worked on. */
export class Placement {
  readonly #racks: ReadonlyMap<number, string>;
  readonly #left: ReadonlySet<number>;
  readonly #slots: readonly Slot[];
  /** Of each broker that replicas may lie on: the partitions that it has. */
  readonly #held: ReadonlyMap<number, Set<Slot>>;
  readonly #topicLoads = new Map<string, Map<number, number>>();

  /** `brokers`: who may be given replicas. What lies elsewhere is for `refill` to move, except on those `left` alone. */
  constructor(
    partitions: readonly Placed[],
    brokers: readonly AssignableBroker[],
    left: ReadonlySet<number> = new Set(),
  ) {
    this.#left = left;
    this.#racks = new Map(brokers.map((broker) => [broker.id, rackOf(broker)]));
    this.#held = new Map(brokers.map(({ id }) => [id, new Set<Slot>()]));
    this.#slots = partitions.map(({ topic, partition, replicas }) => ({
      topic,
      partition,
      before: replicas,
      replicas: [...replicas],
    }));
    for (const slot of this.#slots) for (const id of slot.replicas) this.#hold(id, slot);
  }

  /** Replaces replicas that lie on none of the brokers, each by the least loaded broker in a rack that has the fewest of the partition. */
  refill(): void {
    for (const slot of this.#slots) {
      for (const id of [...slot.replicas]) {
        if (this.#racks.has(id) || this.#left.has(id)) continue;
        const rankOf = (one: number) => [this.#countIn(this.#racks.get(one)!, slot), this.#load(one, slot)];
        const choices = [...this.#racks.keys()].filter((one) => !slot.replicas.includes(one));
        assert(choices.length > 0, `a broker is left for ${slot.topic}-${slot.partition}`);
        this.#replace(slot, id, least(choices, rankOf));
      }
    }
  }

  /** Moves replicas out of racks that have more of a partition than others could have. */
  spreadOverRacks(): void {
    for (const slot of this.#slots) {
      for (;;) {
        const countAt = (id: number) => this.#countIn(this.#racks.get(id)!, slot);
        const [crowded] = [...slot.replicas].sort(
          (a, b) => countAt(b) - countAt(a) || this.#load(b, slot) - this.#load(a, slot),
        );
        const choices = [...this.#racks.keys()].filter(
          (id) => !slot.replicas.includes(id) && countAt(id) <= countAt(crowded!) - 2,
        );
        if (choices.length === 0) break;
        this.#replace(
          slot,
          crowded!,
          least(choices, (id) => [countAt(id), this.#load(id, slot)]),
        );
      }
    }
  }

  /** Moves replicas until no broker has more than one more than another, as far as racks allow it; only towards `gaining`, if given. */
  balance(gaining?: ReadonlySet<number>): void {
    const held = this.#held;
    const loads = new Map(Array.from(held, ([id, slots]) => [id, slots.size]));
    evenOut<Slot>({
      loads,
      cheapest: (from, to, taken) => cheapest(held.get(from)!, taken, (slot) => this.#cost(slot, from, to)),
      apply: (slot, from, to) => {
        this.#replace(slot, from, to);
        for (const id of [from, to]) loads.set(id, held.get(id)!.size);
      },
      ...(gaining === undefined ? {} : { mayGain: (id) => gaining.has(id) }),
    });
  }

  /**
   * Changes the order of replicas until no broker is the first of more than one more than another, as far as replicas allow it: of
   * `scope`, all partitions, or those that are moved.
   */
  balanceLeaders(scope: 'all' | 'moved'): void {
    const led = new Map(Array.from(this.#held.keys(), (id) => [id, new Set<Slot>()]));
    const loads = new Map(Array.from(led.keys(), (id) => [id, 0]));
    for (const slot of this.#slots) {
      const first = slot.replicas[0]!;
      if (loads.has(first)) loads.set(first, loads.get(first)! + 1);
      if (scope === 'all' || this.#isMoved(slot)) led.get(first)?.add(slot);
    }
    evenOut<Slot>({
      loads,
      cheapest: (from, to, taken) =>
        cheapest(led.get(from)!, taken, ({ replicas }) => (replicas.includes(to) ? 0 : undefined)),
      apply: (slot, from, to) => {
        const at = slot.replicas.indexOf(to);
        [slot.replicas[0], slot.replicas[at]] = [to, from];
        led.get(from)!.delete(slot);
        led.get(to)!.add(slot);
        loads.set(from, loads.get(from)! - 1);
        loads.set(to, loads.get(to)! + 1);
      },
    });
  }

  /** What is to be changed. Replicas that went away and came back are where they were. */
  changes(): { topic: string; partition: number; from: readonly number[]; to: readonly number[] }[] {
    return this.#slots.flatMap(({ topic, partition, before, replicas }) =>
      before.join() === replicas.join() ? [] : [{ topic, partition, from: before, to: [...replicas] }],
    );
  }

  /** Of moving a replica, undefined where that cannot be: it is there already, or the rack has more of the partition then. */
  #cost(slot: Slot, from: number, to: number): number | undefined {
    const { before, replicas, topic } = slot;
    if (replicas.includes(to)) return undefined;
    const [rackFrom, rackTo] = [this.#racks.get(from)!, this.#racks.get(to)!];
    if (rackFrom !== rackTo && this.#countIn(rackTo, slot) >= this.#countIn(rackFrom, slot)) return undefined;
    // Data that moves anyway may as well move elsewhere, and best of all stay; then topics are kept apart.
    const copies = Number(before.includes(from)) - Number(before.includes(to));
    const loads = this.#topicLoads.get(topic)!;
    return copies * TOPIC_LOAD_MAX + (loads.get(to) ?? 0) - loads.get(from)!;
  }

  #isMoved({ before, replicas }: Slot): boolean {
    return replicas.some((id) => !before.includes(id));
  }

  #countIn(rack: string, { replicas }: Slot): number {
    return replicas.reduce((count, id) => count + Number(this.#racks.get(id) === rack), 0);
  }

  /** Of the whole, then of the slot's topic. */
  #load(id: number, { topic }: Slot): number {
    const ofTopic = this.#topicLoads.get(topic)?.get(id) ?? 0;
    return (this.#held.get(id)?.size ?? 0) + ofTopic / TOPIC_LOAD_MAX;
  }

  #replace(slot: Slot, from: number, to: number): void {
    slot.replicas[slot.replicas.indexOf(from)] = to;
    this.#held.get(from)?.delete(slot);
    this.#count(from, slot.topic, -1);
    this.#hold(to, slot);
  }

  #hold(id: number, slot: Slot): void {
    this.#held.get(id)?.add(slot);
    this.#count(id, slot.topic, 1);
  }

  #count(id: number, topic: string, change: number): void {
    const loads = this.#topicLoads.get(topic) ?? new Map<number, number>();
    this.#topicLoads.set(topic, loads.set(id, (loads.get(id) ?? 0) + change));
  }
}

/** The item with the least cost, the first of several. */
function cheapest(
  slots: Iterable<Slot>,
  taken: ReadonlySet<Slot>,
  costOf: (slot: Slot) => number | undefined,
): { item: Slot; cost: number } | undefined {
  let best: { item: Slot; cost: number } | undefined;
  for (const item of slots) {
    if (taken.has(item)) continue;
    const cost = costOf(item);
    if (cost !== undefined && (best === undefined || cost < best.cost)) best = { item, cost };
  }
  return best;
}

/** More than a topic can have on one broker. */
const TOPIC_LOAD_MAX = 1_000_000;

/** The one with the least rank, compared number by number. */
function least(ids: readonly number[], rankOf: (id: number) => readonly number[]): number {
  return ids
    .map((id) => ({ id, rank: rankOf(id) }))
    .reduce((best, one) => {
      const at = one.rank.findIndex((value, i) => value !== best.rank[i]);
      return at >= 0 && one.rank[at]! < best.rank[at]! ? one : best;
    }).id;
}
