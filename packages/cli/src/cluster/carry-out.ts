import type { KafkaCluster } from '@edgelog/client';
import type { Move } from '@edgelog/cluster';
import { formatBytes } from '../dev/format.ts';
import { onInterrupt } from '../progress.ts';
import { plural, printJson, printTable } from '../table.ts';
import { beginMoves, type FailedMove } from './begin-moves.ts';
import { NOT_NOW, PREFERRED, requestElection } from './elections.ts';
import { followMoves } from './follow-moves.ts';
import { type ClusterState, moveKey, readSizes, readState } from './state.ts';
import { MOVE_RATE, Throttle } from './throttle.ts';

export interface CarryOutOptions {
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly detach: boolean;
  readonly atOnce: number;
  /** Bytes per second that each broker may copy; as it is set when left out. */
  readonly throttle?: number | undefined;
  /** Planned again, and again carried out, until there is nothing left: what is created meanwhile moves too. */
  readonly isRepeated: boolean;
  /** Said when all is done. */
  readonly done: string;
}

/**
 * Shows what a plan moves, and unless it is a dry run moves it and waits, with progress. Exit status 1 where something could not be moved, or
 * it was interrupted: then what is under way goes on by itself, and the same command again goes on with the rest.
 */
export async function carryOut(
  cluster: KafkaCluster,
  plan: (state: ClusterState) => readonly Move[],
  options: CarryOutOptions,
): Promise<number> {
  const interrupted = new AbortController();
  const throttle = new Throttle(cluster, options.throttle);
  const release = onInterrupt(() => interrupted.abort());
  try {
    const report = await run(cluster, plan, throttle, options, interrupted.signal);
    if (report.outcome === 'done' || report.outcome === 'failed') await throttle.lift();
    else tellOf(throttle);
    if (options.json) printJson(report);
    else if (report.outcome === 'done') process.stdout.write(`${options.done}\n`);
    for (const { error } of report.failed) process.stderr.write(`edgelog: ${error}\n`);
    return report.failed.length > 0 || report.outcome === 'interrupted' ? 1 : 0;
  } finally {
    release();
  }
}

interface Report {
  readonly outcome: 'planned' | 'begun' | 'done' | 'failed' | 'interrupted';
  readonly moves: readonly Move[];
  readonly failed: readonly FailedMove[];
}

async function run(
  cluster: KafkaCluster,
  plan: (state: ClusterState) => readonly Move[],
  throttle: Throttle,
  { json, dryRun, detach, atOnce, isRepeated }: CarryOutOptions,
  signal: AbortSignal,
): Promise<Report> {
  const all: Move[] = [];
  for (;;) {
    const state = await readState(cluster);
    const moves = plan(state);
    all.push(...moves);
    if (moves.length === 0) return { outcome: 'done', moves: all, failed: [] };
    if (!json) await show(cluster, state, moves);
    if (dryRun) {
      process.stderr.write('edgelog: nothing was changed; leave --dry-run out to move these partitions\n');
      return { outcome: 'planned', moves, failed: [] };
    }
    await throttle.impose(moves);
    if (detach) {
      const failed = await beginMoves(cluster, moves);
      process.stderr.write('edgelog: the moves go on by themselves: edgelog cluster reassign --verify\n');
      return { outcome: 'begun', moves, failed };
    }
    const { done, failed, underWay, waiting } = await followMoves(cluster, moves, { atOnce, signal });
    await electPreferred(cluster, done);
    if (signal.aborted) {
      const rest = `${done.length} moved, ${underWay.length} under way, ${waiting.length} not begun`;
      process.stderr.write(
        `edgelog: interrupted: ${rest}. What is under way goes on by itself (calling it off: edgelog cluster reassign --cancel); the same command again goes on with the rest.\n`,
      );
      return { outcome: 'interrupted', moves: all, failed };
    }
    if (failed.length > 0) return { outcome: 'failed', moves: all, failed };
    if (!isRepeated) return { outcome: 'done', moves: all, failed };
  }
}

/** It stays where moves go on without this command. */
function tellOf({ brokers }: Throttle): void {
  if (brokers.length === 0) return;
  const lift = `edgelog configs alter --broker N --delete-config ${MOVE_RATE}`;
  process.stderr.write(`edgelog: the throttle stays at broker ${brokers.join(', ')}; lift it with ${lift}\n`);
}

/** Those that moved are led as planned, as far as that can be now. */
async function electPreferred(cluster: KafkaCluster, moved: readonly Move[]): Promise<void> {
  const places = moved.filter(({ from, to }) => from[0] !== to[0]);
  if (places.length === 0) return;
  for (const { name, errorCode, errorMessage } of await requestElection(cluster, PREFERRED, places)) {
    if (errorCode !== 0 && !NOT_NOW.has(errorCode))
      process.stderr.write(`edgelog: ${name} keeps its leader: ${errorMessage}\n`);
  }
}

async function show(cluster: KafkaCluster, state: ClusterState, moves: readonly Move[]): Promise<void> {
  printTable(
    ['TOPIC', 'PARTITION', 'FROM', 'TO', 'COPIED-TO'],
    moves.map(({ topic, partition, from, to }) => [
      topic,
      partition,
      from.join(','),
      to.join(','),
      to.filter((id) => !from.includes(id)).join(',') || '-',
    ]),
  );
  const alive = state.brokers.filter(({ isAlive }) => isAlive).map(({ id }) => id);
  const topics = Array.from(
    Map.groupBy(moves, ({ topic }) => topic),
    ([topic, some]) => ({ topic, partitions: some.map(({ partition }) => partition) }),
  );
  const sizes = await readSizes(cluster, alive, topics);
  let bytes = 0;
  let copies = 0;
  for (const { topic, partition, from, to } of moves) {
    const key = moveKey(topic, partition);
    const size = Math.max(0, ...from.map((id) => sizes.get(id)?.get(key) ?? 0));
    const added = to.filter((id) => !from.includes(id)).length;
    copies += added;
    bytes += added * size;
  }
  const what = `${plural(copies, 'replica')} to copy, ${formatBytes(bytes)}`;
  process.stdout.write(`\n${plural(moves.length, 'partition')} to change, ${what}\n`);
}
