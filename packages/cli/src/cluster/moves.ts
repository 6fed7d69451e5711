import { EdgelogError } from '@edgelog/base';
import type { KafkaCluster } from '@edgelog/client';
import { type AssignableBroker, type Move, planAdd, planDrain, planSpread } from '@edgelog/cluster';
import { plural, printJson, printTable } from '../table.ts';
import { findTopics } from '../topics/filter.ts';
import { beginMoves } from './begin-moves.ts';
import { type CarryOutOptions, carryOut } from './carry-out.ts';
import { type ClusterState, readMoves, targetOf } from './state.ts';

type Options = Omit<CarryOutOptions, 'isRepeated' | 'done'>;

/** Spreads topics over brokers, all that are alive where none are named. */
export async function reassign(
  cluster: KafkaCluster,
  words: readonly string[],
  brokers: readonly number[],
  options: Options,
): Promise<number> {
  const topics = new Set((await findTopics(cluster, words)).map(({ name }) => name));
  const plan = (state: ClusterState) => {
    const alive = aliveBrokers(state);
    demandAlive(alive, brokers);
    const on = brokers.length === 0 ? alive : alive.filter(({ id }) => brokers.includes(id));
    return planSpread(
      placed(state).filter(({ topic }) => topics.has(topic)),
      on,
    );
  };
  return carryOut(cluster, plan, { ...options, isRepeated: false, done: 'the partitions lie as planned' });
}

/** Moves everything off brokers, whether they are alive or not. */
export async function drain(
  cluster: KafkaCluster,
  brokers: readonly number[],
  options: Options,
): Promise<number> {
  const leaving = new Set(brokers);
  const plan = (state: ClusterState) => {
    demandKnown(state, brokers);
    const staying = aliveBrokers(state).filter(({ id }) => !leaving.has(id));
    return planDrain(placed(state), staying, leaving);
  };
  const names = brokers.join(', ');
  const done = `nothing is left on broker ${names}: stop it, then edgelog cluster unregister ${brokers.join(' ')}`;
  return carryOut(cluster, plan, { ...options, isRepeated: true, done });
}

/** Gives brokers that were added their share of all partitions. */
export async function add(
  cluster: KafkaCluster,
  brokers: readonly number[],
  options: Options,
): Promise<number> {
  const plan = (state: ClusterState): Move[] => {
    const alive = aliveBrokers(state);
    demandAlive(alive, brokers);
    return planAdd(placed(state), alive, new Set(brokers));
  };
  const done = `broker ${brokers.join(', ')} has as much as the others`;
  return carryOut(cluster, plan, { ...options, isRepeated: false, done });
}

/** What is being moved now; exit status 1 as long as anything is. */
export async function verifyMoves(cluster: KafkaCluster, { json }: { json: boolean }): Promise<number> {
  const moves = [...(await readMoves(cluster)).values()];
  if (json) printJson(moves);
  else if (moves.length === 0) process.stdout.write('no partition is being moved\n');
  else {
    printTable(
      ['TOPIC', 'PARTITION', 'REPLICAS', 'ADDING', 'REMOVING'],
      moves.map(({ topic, partition, replicas, adding, removing }) => [
        topic,
        partition,
        replicas.join(','),
        adding.join(',') || '-',
        removing.join(',') || '-',
      ]),
    );
    process.stdout.write(`\n${plural(moves.length, 'partition')} being moved\n`);
  }
  return moves.length === 0 ? 0 : 1;
}

/** Calls off what is being moved, of these topics or of all. */
export async function cancelMoves(
  cluster: KafkaCluster,
  words: readonly string[],
  { json }: { json: boolean },
): Promise<number> {
  const topics =
    words.length === 0 ? undefined : new Set((await findTopics(cluster, words)).map(({ name }) => name));
  const moves = [...(await readMoves(cluster)).values()].filter(({ topic }) => topics?.has(topic) ?? true);
  const failed = new Map(
    (
      await beginMoves(
        cluster,
        moves.map(({ topic, partition }) => ({ topic, partition, to: null })),
      )
    ).map((one) => [`${one.topic}-${one.partition}`, one.error]),
  );
  for (const error of failed.values()) process.stderr.write(`edgelog: ${error}\n`);
  const names = moves
    .map(({ topic, partition }) => `${topic}-${partition}`)
    .filter((name) => !failed.has(name));
  if (json) printJson({ calledOff: names, failed: [...failed.values()] });
  else if (moves.length === 0) process.stdout.write('no partition is being moved\n');
  else for (const name of names) process.stdout.write(`called off the move of ${name}\n`);
  return failed.size === 0 ? 0 : 1;
}

const aliveBrokers = ({ brokers }: ClusterState): AssignableBroker[] =>
  brokers.filter(({ isAlive }) => isAlive).map(({ id, rack }) => ({ id, rack }));

/** Where partitions lie, or will when what is under way is done. */
const placed = ({ partitions }: ClusterState) =>
  partitions.map((one) => ({ topic: one.topic, partition: one.partition, replicas: targetOf(one) }));

function demandAlive(alive: readonly AssignableBroker[], wanted: readonly number[]): void {
  const missing = wanted.find((id) => alive.every((broker) => broker.id !== id));
  if (missing === undefined) return;
  const known = alive.map(({ id }) => id).join(', ');
  throw new EdgelogError('REFUSED', `broker ${missing} is not alive (those that are: ${known})`);
}

function demandKnown({ brokers, partitions }: ClusterState, wanted: readonly number[]): void {
  for (const id of wanted) {
    const isKnown =
      brokers.some((broker) => broker.id === id) || partitions.some(({ replicas }) => replicas.includes(id));
    if (!isKnown)
      throw new EdgelogError(
        'REFUSED',
        `there is no broker ${id} (known: ${brokers.map((broker) => broker.id).join(', ')})`,
      );
  }
}
