import { ErrorCode, type RequestOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { inWindows } from '../in-windows.ts';
import type { Refused } from '../metadata/topic-admin.ts';
import type { Handler, Item } from './handler.ts';

/**
 * AlterPartitionReassignments: begins to move partitions to other brokers, each by itself; null calls a move off, and the replicas that it
 * brought go away again. The answer comes when it is durable that they move; ListPartitionReassignments tells how it goes. From 1
 * on the number of replicas can be kept from changing [KIP-860].
 *
 * Otherwise than Kafka: another number of replicas, where none is allowed, is INVALID_REPLICATION_FACTOR even if a broker in the list does not exist.
 * Any broker answers; no controller is needed. `timeoutMs` is left out: what is waited for is the metadata only.
 */
export const alterPartitionReassignments: Handler<'alterPartitionReassignments'> = async (
  request,
  { broker },
) => {
  const { allowReplicationFactorChange } = request;
  const asked = request.topics.flatMap(({ name, partitions }) =>
    partitions.map((one) => ({ ...one, name, allowReplicationFactorChange })),
  );
  const outcomes = await inWindows(asked, (one) => alter(one, broker));
  const results = outcomes.values();
  return {
    allowReplicationFactorChange,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    responses: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }): PartitionItem => {
        const refused = results.next().value;
        return {
          partitionIndex,
          errorCode: ErrorCode[refused?.error ?? 'NONE'],
          errorMessage: refused?.message ?? null,
        };
      }),
    })),
  };
};

type PartitionItem = Item<'alterPartitionReassignments', 'responses'>['partitions'][number];
type AskedPartition = RequestOf<'alterPartitionReassignments'>['topics'][number]['partitions'][number];
type Asked = AskedPartition & { readonly name: string; readonly allowReplicationFactorChange: boolean };

async function alter(asked: Asked, { topics, clusterAdmin, log }: Broker): Promise<Refused | undefined> {
  const { name, partitionIndex } = asked;
  const topic = topics.get(name);
  if (topic === undefined) return refuse('UNKNOWN_TOPIC_OR_PARTITION', `no such topic as ${name}`);
  const partition = topic.partitions[partitionIndex];
  if (partition === undefined)
    return refuse('UNKNOWN_TOPIC_OR_PARTITION', `topic ${name} has ${topic.partitions.length} partitions`);
  const { replicas, adding, removing } = partition.leadership;
  const before = replicas.filter((id) => !adding.includes(id));
  const target = asked.replicas ?? before;
  if (asked.replicas === null && adding.length === 0 && removing.length === 0)
    return refuse('NO_REASSIGNMENT_IN_PROGRESS', 'the partition is not being moved');
  if (target.length === 0) return refuse('INVALID_REPLICA_ASSIGNMENT', 'the replica list is empty');
  const repeated = target.find((id, i) => target.indexOf(id) !== i);
  if (repeated !== undefined)
    return refuse('INVALID_REPLICA_ASSIGNMENT', `broker ${repeated} is there more than once`);
  if (!asked.allowReplicationFactorChange && target.length !== before.length) {
    const change = `${target.length} replicas in place of ${before.length}`;
    return refuse('INVALID_REPLICATION_FACTOR', `${change}, which the request does not allow`);
  }
  const refused = await clusterAdmin.reassign(topic, partitionIndex, target);
  if (refused === undefined)
    log.info(asked.replicas === null ? 'partition move called off' : 'partition move asked for', {
      topic: name,
      partition: partitionIndex,
      replicas: target,
    });
  return refused;
}

const refuse = (error: Refused['error'], message: string): Refused => ({ error, message });
