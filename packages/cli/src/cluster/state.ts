import { check, type KafkaCluster } from '@edgelog/client';
import { formatAddress } from '@edgelog/runtime';
import { apis } from '@edgelog/wire';

export interface BrokerState {
  readonly id: number;
  /** Null while it is away. */
  readonly address: string | null;
  readonly rack: string | null;
  readonly isAlive: boolean;
}

export interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  /** −1 while nobody leads. */
  readonly leader: number;
  /** Old and new ones while a move is under way, the preferred leader first. */
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly offline: readonly number[];
  /** Replicas that a move brings and takes away. */
  readonly adding: readonly number[];
  readonly removing: readonly number[];
}

/** A cluster as its brokers tell it. */
export interface ClusterState {
  readonly clusterId: string;
  /** −1 while there is none. */
  readonly controller: number;
  /** In order of their ids; those that are known and away included, where the brokers tell. */
  readonly brokers: readonly BrokerState[];
  /** By topic and index, the brokers' own topics included. */
  readonly partitions: readonly PartitionState[];
}

/** From this version on DescribeCluster tells brokers that are away. */
const TELLS_FENCED = 2;

export async function readState(cluster: KafkaCluster): Promise<ClusterState> {
  const metadata = await cluster.metadata(null);
  const [described, moves] = await Promise.all([
    cluster.toAny(apis.describeCluster, (version) => ({
      includeClusterAuthorizedOperations: false,
      ...(version >= TELLS_FENCED ? { includeFencedBrokers: true } : {}),
    })),
    readMoves(cluster),
  ]);
  check(described.errorCode, 'the cluster', described.errorMessage);
  const partitions = metadata.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes, offlineReplicas }) => ({
      topic: name ?? '',
      partition: partitionIndex,
      leader: leaderId,
      replicas: replicaNodes,
      isr: isrNodes,
      offline: offlineReplicas,
      ...(moves.get(moveKey(name ?? '', partitionIndex)) ?? { adding: [], removing: [] }),
    })),
  );
  return {
    clusterId: described.clusterId,
    controller: described.controllerId,
    brokers: described.brokers
      .map(({ brokerId, host, port, rack, isFenced }) => ({
        id: brokerId,
        address: isFenced ? null : formatAddress({ host, port }),
        rack,
        isAlive: !isFenced,
      }))
      .sort((a, b) => a.id - b.id),
    partitions: partitions.sort((a, b) =>
      a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
    ),
  };
}

export interface MoveUnderWay {
  readonly topic: string;
  readonly partition: number;
  readonly replicas: readonly number[];
  readonly adding: readonly number[];
  readonly removing: readonly number[];
}

/** The partitions that are being moved, by `moveKey`. */
export async function readMoves(cluster: KafkaCluster): Promise<Map<string, MoveUnderWay>> {
  const answer = await cluster.toAny(apis.listPartitionReassignments, { topics: null });
  check(answer.errorCode, 'moves under way', answer.errorMessage);
  return new Map(
    answer.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => [
        moveKey(name, partitionIndex),
        {
          topic: name,
          partition: partitionIndex,
          replicas,
          adding: addingReplicas,
          removing: removingReplicas,
        },
      ]),
    ),
  );
}

export function moveKey(topic: string, partition: number): string {
  return `${topic} ${partition}`;
}

/** Where a partition lies, or will when a move that is under way is done. */
export function targetOf({ replicas, removing }: Pick<PartitionState, 'replicas' | 'removing'>): number[] {
  return replicas.filter((id) => !removing.includes(id));
}

/** Bytes of each replica on disk, by broker and `moveKey`; brokers that do not answer are left out. */
export async function readSizes(
  cluster: KafkaCluster,
  brokers: readonly number[],
  topics: readonly { topic: string; partitions: readonly number[] }[] | null,
): Promise<Map<number, Map<string, number>>> {
  const asked = topics === null ? null : topics.map(({ topic, partitions }) => ({ topic, partitions }));
  const answers = await Promise.allSettled(
    brokers.map((id) => cluster.toBroker(id, apis.describeLogDirs, { topics: asked })),
  );
  return new Map(
    answers.flatMap((answer, i) => {
      if (answer.status === 'rejected') return [];
      const sizes = answer.value.results.flatMap(({ topics }) =>
        topics.flatMap(({ name, partitions }) =>
          partitions.map(
            ({ partitionIndex, partitionSize }) => [moveKey(name, partitionIndex), partitionSize] as const,
          ),
        ),
      );
      return [[brokers[i]!, new Map(sizes)] as const];
    }),
  );
}
