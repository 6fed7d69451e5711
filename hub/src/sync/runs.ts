import type { PartitionLog } from '@edgelog/log';
import type { Position, RunInfo } from '@edgelog/sync';
import { z } from 'zod';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import { persist, type RecordTable } from './record-table.ts';

/** What runs' keys begin with, in the store's state and in the metadata of a cluster. */
export const RUNS = { local: 'run/', cluster: 'runs' } as const;

export const runRecord = z.strictObject({
  gateway: z.string(),
  logId: z.string(),
  topic: z.string(),
  topicId: z.uuid(),
  /** Given once: adding partitions never splits a run. */
  partition: z.int().min(0),
  firstOffset: z.int().min(0),
  /** Edge offset from which the partition counts the run's records. */
  countedFrom: z.int().min(0),
  /** Where the run stood when its topic was deleted, until the topic that replaces it holds records of the run. */
  carried: z.strictObject({ next: z.int(), crc: z.int() }).optional(),
  /** The deleted topic of whose leader `carried` is known. */
  carriedOf: z.uuid().optional(),
  openedAtMs: z.int(),
});
export type RunRecord = z.output<typeof runRecord>;

/** A run as the hub knows it. */
export interface Run extends Readonly<RunRecord> {
  readonly producerId: number;
}

export interface RunsOptions {
  readonly table: RecordTable<RunRecord>;
  readonly topics: Topics;
  /**
   * How long the leader of a deleted partition has to write where its runs stood, before other replicas do, and again before a run goes
   * on without; 0 for the only broker, which writes it at once.
   */
  readonly carryMs: number;
}

/**
 * Which partition each gateway's run feeds, for ever. When a topic is deleted its runs keep their position: created again, the
 * topic goes on from there, since what the operator deleted is not lost data, and nothing is sent twice. All changes are swaps: brokers that
 * open or move the same run at once agree.
 */
export class Runs {
  readonly #options: RunsOptions;
  readonly #runs = new Map<number, { readonly record: RunRecord; readonly run: Run }>();
  /** When a run was first found to wait for its position in a topic that was deleted, monotonic milliseconds. */
  readonly #waitingSince = new Map<number, number>();
  readonly #carrying = new Set<Promise<void>>();

  constructor(options: RunsOptions) {
    this.#options = options;
    options.topics.whenDeleted.push((topic) => this.#carry(topic));
  }

  get(producerId: number): Run | undefined {
    const record = this.#options.table.get(String(producerId));
    if (record === undefined) return undefined;
    const known = this.#runs.get(producerId);
    if (known?.record === record) return known.run;
    const run = { producerId, ...record };
    this.#runs.set(producerId, { record, run });
    return run;
  }

  *all(): Iterable<Run> {
    for (const [producerId] of this.#options.table.all()) yield this.get(Number(producerId))!;
  }

  /** Remembers where a new run goes. False when another broker was first, or a session here. Rejects where nobody knows. */
  add(gateway: string, info: RunInfo, topic: Topic, partition: number, openedAtMs: number): Promise<boolean> {
    const { producerId, logId, firstOffset } = info;
    return this.#options.table.swap(String(producerId), undefined, {
      gateway,
      logId,
      topic: topic.name,
      topicId: topic.id,
      partition,
      firstOffset,
      countedFrom: firstOffset,
      openedAtMs,
    });
  }

  /** Whether it is known where a run of a deleted topic stood, or nobody is left who would say so. */
  mayMove({ producerId, carriedOf, topicId }: Run): boolean {
    if (carriedOf === topicId) return true;
    const now = performance.now();
    const since = this.#waitingSince.get(producerId);
    if (since === undefined) this.#waitingSince.set(producerId, now);
    return now - (since ?? now) >= 2 * this.#options.carryMs;
  }

  /** The run's topic was deleted and created again: goes on in the new one. False when it was changed meanwhile. */
  move(run: Run, topic: Topic, partition: number): Promise<boolean> {
    this.#waitingSince.delete(run.producerId);
    const countedFrom = run.carried?.next ?? run.firstOffset;
    return this.#swap(run, { topicId: topic.id, partition, countedFrom });
  }

  rename(run: Run, gateway: string): Promise<boolean> {
    return this.#swap(run, { gateway });
  }

  /** The partition the run feeds, unless its topic is gone. */
  partitionOf({ topicId, partition }: Run): Partition | undefined {
    return this.#options.topics.byId(topicId)?.partitions[partition];
  }

  /**
   * By the replica that this broker has of its partition: position with all that was appended, flushed or not; undefined when
   * nothing of the run ever was.
   */
  position(run: Run): Position | undefined {
    return positionIn(this.partitionOf(run)?.replica, run) ?? run.carried;
  }

  /** `position` as an edge offset, where this broker has a replica. */
  nextOffset(run: Run): number | undefined {
    const partition = this.partitionOf(run);
    const { next = run.firstOffset } = this.position(run) ?? {};
    return partition === undefined || partition.replica !== undefined ? next : undefined;
  }

  /** Resolves when what deleted topics leave behind is written: their logs may go then. */
  async carried(): Promise<void> {
    await Promise.all(this.#carrying);
  }

  async #swap(run: Run, changes: Partial<RunRecord>): Promise<boolean> {
    const { producerId } = run;
    const known = this.#runs.get(producerId);
    if (known?.run !== run) return false;
    return this.#options.table.swap(String(producerId), known.record, { ...known.record, ...changes });
  }

  #carry(topic: Topic): void {
    const found: { run: Run; position: Position | undefined; isLeader: boolean }[] = [];
    for (const run of this.all()) {
      if (run.topicId !== topic.id) continue;
      const partition = topic.partitions[run.partition];
      if (partition?.replica === undefined) continue;
      const isLeader = partition.replication.leaderRefusal === 'NONE';
      found.push({ run, position: positionIn(partition.replica, run), isLeader });
    }
    if (found.length === 0) return;
    const carrying = this.#writeCarried(topic.id, found).finally(() => this.#carrying.delete(carrying));
    carrying.catch(() => {});
    this.#carrying.add(carrying);
  }

  /** The furthest position wins; the leader's is the last word, since it has all that was committed. */
  async #writeCarried(
    topicId: string,
    found: readonly { run: Run; position: Position | undefined; isLeader: boolean }[],
  ): Promise<void> {
    const { table, carryMs } = this.#options;
    const write = ({ run, position, isLeader }: (typeof found)[number]) =>
      persist(table, String(run.producerId), (known) => {
        if (known?.topicId !== topicId || known.carriedOf === topicId) return undefined;
        const isFurther = position !== undefined && position.next > (known.carried?.next ?? -1);
        if (!isFurther && !isLeader) return undefined;
        return {
          ...known,
          ...(isFurther && { carried: position }),
          ...(isLeader && { carriedOf: topicId }),
        };
      });
    const leaders = found.filter(({ isLeader }) => isLeader);
    await someAtATime(leaders, table.swapsAtOnce, write);
    const rest = found.filter(({ isLeader }) => !isLeader);
    if (rest.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, carryMs).unref());
    await someAtATime(rest, table.swapsAtOnce, write);
  }
}

function positionIn(
  replica: PartitionLog | undefined,
  { producerId, countedFrom }: Run,
): Position | undefined {
  const producer = replica?.producer(producerId);
  const crc = producer?.batches.at(-1)?.crc;
  if (producer === undefined || crc === undefined) return undefined;
  return { next: countedFrom + producer.recordCount, crc };
}

async function someAtATime<T>(
  items: readonly T[],
  limit: number,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
