import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import type { KafkaCluster } from '@edgelog/client';
import type { Move } from '@edgelog/cluster';
import { formatBytes } from '../dev/format.ts';
import { reportProgress } from '../progress.ts';
import { plural } from '../table.ts';
import { beginMoves, type FailedMove } from './begin-moves.ts';
import { moveKey, readMoves, readSizes } from './state.ts';

const POLL_MS = 300;
const MEASURE_MS = 4_000;
/** So often a move may be seen neither under way nor done, while brokers hear of it, before it counts as called off. */
const VANISHED_MAX = 10;

export interface FollowOptions {
  /** Partitions that are moved at the same time. */
  readonly atOnce: number;
  /** Nothing new is begun from then on. */
  readonly signal: AbortSignal;
}

export interface Followed {
  readonly done: Move[];
  readonly failed: FailedMove[];
  /** Interrupted before they ended: these go on by themselves, and these were not begun. */
  readonly underWay: Move[];
  readonly waiting: Move[];
}

/**
 * Moves partitions, some at a time, and says every few seconds how far it has come. A cluster that cannot be reached is
 * asked again until it answers.
 */
export async function followMoves(
  cluster: KafkaCluster,
  moves: readonly Move[],
  { atOnce, signal }: FollowOptions,
): Promise<Followed> {
  const followed: Followed = { done: [], failed: [], underWay: [], waiting: [...moves] };
  const progress = new Progress(moves);
  const vanished = new Map<Move, number>();
  const stopReporting = reportProgress(() => progress.describe(followed));
  try {
    while (followed.waiting.length + followed.underWay.length > 0 && !signal.aborted) {
      try {
        await look();
        await begin();
        await progress.measure(cluster, followed.underWay);
        progress.trouble = undefined;
      } catch (error) {
        if (!(error instanceof EdgelogError) || error.code === 'REFUSED') throw error;
        progress.trouble = error.message;
      }
      await delay(POLL_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    stopReporting();
  }
  return followed;

  async function begin(): Promise<void> {
    const next = followed.waiting.slice(0, Math.max(0, atOnce - followed.underWay.length));
    if (next.length === 0) return;
    const failed = await beginMoves(cluster, next);
    const refused = new Map(failed.map((one) => [moveKey(one.topic, one.partition), one]));
    followed.waiting.splice(0, next.length);
    for (const move of next) {
      const refusal = refused.get(moveKey(move.topic, move.partition));
      if (refusal === undefined) followed.underWay.push(move);
      else if (refusal.mayPass) followed.waiting.push(move);
      else followed.failed.push(refusal);
    }
    const passing = failed.find(({ mayPass }) => mayPass);
    if (passing !== undefined) throw new EdgelogError('TIMEOUT', passing.error);
  }

  async function look(): Promise<void> {
    if (followed.underWay.length === 0) return;
    const underWay = await readMoves(cluster);
    const { topics, brokers } = await cluster.metadata([
      ...new Set(followed.underWay.map(({ topic }) => topic)),
    ]);
    progress.alive = new Set(brokers.map(({ nodeId }) => nodeId));
    const found = new Map(
      topics.flatMap(({ name, partitions }) =>
        partitions.map((one) => [moveKey(name ?? '', one.partitionIndex), one]),
      ),
    );
    progress.leaderless = followed.underWay
      .filter(({ topic, partition }) => (found.get(moveKey(topic, partition))?.leaderId ?? 0) < 0)
      .map(({ topic, partition }) => `${topic}-${partition}`);
    for (const move of [...followed.underWay]) {
      const key = moveKey(move.topic, move.partition);
      if (underWay.has(key)) continue;
      if (found.get(key)?.replicaNodes.join() === move.to.join()) followed.done.push(move);
      else {
        const times = (vanished.get(move) ?? 0) + 1;
        vanished.set(move, times);
        if (times < VANISHED_MAX) continue;
        const error = `${move.topic}-${move.partition}: the move was called off, or the topic deleted`;
        followed.failed.push({ topic: move.topic, partition: move.partition, error, mayPass: false });
      }
      followed.underWay.splice(followed.underWay.indexOf(move), 1);
    }
  }
}

/** How far moves have come, in words. */
class Progress {
  trouble: string | undefined;
  alive: ReadonlySet<number> | undefined;
  /** Partitions that nobody leads: there is nothing to copy from. */
  leaderless: readonly string[] = [];
  readonly #total: number;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #copied = '';

  constructor(moves: readonly Move[]) {
    this.#total = moves.length;
  }

  /** Looks at the disks, now and then. */
  async measure(cluster: KafkaCluster, underWay: readonly Move[]): Promise<void> {
    const now = performance.now();
    if (now - this.#measuredAt < MEASURE_MS) return;
    const sinceMs = now - this.#measuredAt;
    this.#measuredAt = now;
    const sizes = await readSizes(
      cluster,
      [...new Set(underWay.flatMap(({ from, to }) => [...from, ...to]))].filter(
        (id) => this.alive?.has(id) ?? true,
      ),
      Array.from(
        Map.groupBy(underWay, ({ topic }) => topic),
        ([topic, some]) => ({ topic, partitions: some.map(({ partition }) => partition) }),
      ),
    );
    let copied = 0;
    let whole = 0;
    for (const { topic, partition, from, to } of underWay) {
      const sizeAt = (id: number) => sizes.get(id)?.get(moveKey(topic, partition)) ?? 0;
      const size = Math.max(...from.map(sizeAt));
      for (const id of to) {
        if (from.includes(id)) continue;
        copied += Math.min(size, sizeAt(id));
        whole += size;
      }
    }
    const isFirst = !Number.isFinite(sinceMs);
    this.#copied = whole === 0 || isFirst ? '' : ` (${formatBytes(copied)} of ${formatBytes(whole)} copied)`;
  }

  describe({ done, failed, underWay }: Followed): string {
    if (this.trouble !== undefined) return `waiting for the cluster: ${this.trouble}`;
    const away = [...new Set(underWay.flatMap(({ to }) => to))].filter((id) => this.alive?.has(id) === false);
    const failures = failed.length === 0 ? '' : `, ${failed.length} refused`;
    const moved = `${done.length} of ${plural(this.#total, 'partition')} moved${failures}`;
    const waits = away.length === 0 ? '' : `; broker ${away.join(', ')} is away and waited for`;
    const [first] = this.leaderless;
    const more = this.leaderless.length > 1 ? ` and ${this.leaderless.length - 1} more` : '';
    const stuck = first === undefined ? '' : `; ${first}${more} cannot be copied: nobody leads`;
    return `${moved}, ${underWay.length} under way${this.#copied}${waits}${stuck}`;
  }
}
