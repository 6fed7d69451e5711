import { EdgelogError } from '@edgelog/base';
import { check, KafkaCluster, type KafkaSecurity, type TopicMetadata } from '@edgelog/client';
import type { Logger } from '@edgelog/runtime';
import { apis, ErrorCode } from '@edgelog/wire';
import { asking } from './asking.ts';
import type {
  ClusterConfigs,
  FoundBatch,
  KnownProducers,
  PartitionEnds,
  Place,
  Produced,
  SinkCluster,
  SinkTopic,
  TopicSettings,
} from './cluster.ts';
import { brokerConfigs, topicConfigs } from './describe-configs.ts';
import { EARLIEST, fetchScan, LATEST, listOffset } from './fetch-scan.ts';
import { ProduceQueue } from './produce-queue.ts';

export interface ConnectOptions {
  /** HOST:PORT. */
  readonly bootstrap: readonly string[];
  readonly security?: KafkaSecurity;
  readonly clientId: string;
  readonly log: Logger;
  /** How long connecting may take, and each answer; default 15 s. */
  readonly timeoutMs?: number;
}

/** Rejects with CONNECTION_LOST, TIMEOUT, AUTHENTICATION_FAILED or CONFIG_INVALID where no broker can be asked. */
export async function connectKafkaCluster({
  timeoutMs = 15_000,
  ...options
}: ConnectOptions): Promise<SinkCluster> {
  return new ClientCluster(await KafkaCluster.open({ ...options, timeoutMs }));
}

/** Questions about partitions that are asked often and answered at once share a connection; scans have another. */
const ASK = { purpose: 'sink' };
const SCAN = 'scan';
const CREATE_MS = 30_000;

/** `SinkCluster` over Edgelog's own Kafka client. */
class ClientCluster implements SinkCluster {
  readonly #kafka: KafkaCluster;
  readonly #queues = new Map<number, ProduceQueue>();
  /** As they were last heard of: what an opening found, and what batches are sent by. */
  readonly #topics = new Map<string, SinkTopic>();

  constructor(kafka: KafkaCluster) {
    this.#kafka = kafka;
  }

  get clusterId(): string {
    return this.#kafka.clusterId;
  }

  get brokerCount(): number {
    return this.#kafka.brokerIds.length;
  }

  async topic(name: string, isFresh = false): Promise<SinkTopic | undefined> {
    const found = await asking(this.#kafka.topic(name, isFresh));
    if (found === undefined) {
      this.#topics.delete(name);
      return undefined;
    }
    const topic = topicOf(name, found);
    this.#topics.set(name, topic);
    return topic;
  }

  async createTopic(name: string, { partitions, replication, configs = {} }: TopicSettings): Promise<void> {
    const topic = {
      ...{ name, numPartitions: partitions ?? -1, replicationFactor: replication ?? -1, assignments: [] },
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    };
    const body = { topics: [topic], timeoutMs: CREATE_MS };
    const answer = await asking(
      this.#kafka.toController(apis.createTopics, body, { timeoutMs: 2 * CREATE_MS }),
    );
    const [created] = answer.topics;
    if (created === undefined || created.errorCode === ErrorCode.TOPIC_ALREADY_EXISTS) return;
    await asking(async () =>
      check(created.errorCode, `topic ${name} cannot be created`, created.errorMessage),
    );
  }

  async configs({ name }: SinkTopic): Promise<ClusterConfigs> {
    const topic = await topicConfigs(this.#kafka, name);
    const broker = await brokerConfigs(this.#kafka);
    const metadata = await asking(this.#kafka.topic(name));
    const replication = metadata?.partitions[0]?.replicaNodes.length ?? 1;
    return { brokerCount: this.brokerCount, replication, topic, broker };
  }

  async knownProducers(place: Place): Promise<KnownProducers> {
    const { topic, partition } = place;
    await this.#checkPlace(place);
    const body = { topics: [{ name: topic, partitionIndexes: [partition] }] };
    const answer = await asking(this.#kafka.toLeader(topic, partition, apis.describeProducers, body, ASK));
    const found = answer.topics[0]?.partitions[0];
    const errorCode = found?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    await asking(async () => check(errorCode, `producers of ${topic}-${partition}`, found?.errorMessage));
    return new Map(
      found?.activeProducers.map((one) => [
        one.producerId,
        { lastSequence: one.lastSequence, epoch: one.producerEpoch },
      ]),
    );
  }

  async ends(place: Place): Promise<PartitionEnds> {
    const { topic, partition } = place;
    const { leaderEpoch } = await this.#checkPlace(place);
    const wanted = { partition, currentLeaderEpoch: leaderEpoch, leaderEpoch };
    const body = { replicaId: -1, topics: [{ topic, partitions: [wanted] }] };
    const offset = (timestamp: number) => listOffset(this.#kafka, place, timestamp, ASK.purpose, leaderEpoch);
    const [end, highWatermark, logStartOffset] = await asking(
      Promise.all([
        this.#kafka.toLeader(topic, partition, apis.offsetForLeaderEpoch, body, ASK),
        offset(LATEST),
        offset(EARLIEST),
      ]),
    );
    const found = end.topics[0]?.partitions[0];
    const errorCode = found?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    await asking(async () => check(errorCode, `end of ${topic}-${partition}`));
    const logEndOffset = found?.endOffset ?? -1;
    if (logEndOffset < 0) {
      throw new EdgelogError(
        'CONNECTION_LOST',
        `${topic}-${partition}: its leader does not know where its log ends`,
      );
    }
    return { leaderEpoch, logStartOffset, highWatermark, logEndOffset };
  }

  async offsetAt(place: Place, timestampMs: number): Promise<number | undefined> {
    await this.#checkPlace(place);
    const offset = await asking(listOffset(this.#kafka, place, timestampMs, ASK.purpose));
    return offset < 0 ? undefined : offset;
  }

  async scan(place: Place, offset: number, visit: (batch: FoundBatch) => boolean): Promise<number> {
    await this.#checkPlace(place);
    return asking(fetchScan(this.#kafka, place, offset, visit, SCAN));
  }

  async produce(place: Place, leaderEpoch: number | undefined, batch: Buffer): Promise<Produced> {
    const known = this.#topics.get(place.topic);
    if (known === undefined && leaderEpoch === undefined) {
      await this.topic(place.topic).catch(() => {});
      return this.#produce(place, leaderEpoch, batch);
    }
    return this.#produce(place, leaderEpoch, batch);
  }

  #produce(place: Place, leaderEpoch: number | undefined, batch: Buffer): Promise<Produced> | Produced {
    const topic = this.#topics.get(place.topic);
    const leader = topic?.id === place.topicId ? topic.partitions[place.partition] : undefined;
    if (leader === undefined || leader.leaderId < 0) return notThere(place, 'it has no leader now');
    if (leaderEpoch !== undefined && leader.leaderEpoch !== leaderEpoch)
      return notThere(place, 'its leader moved');
    let queue = this.#queues.get(leader.leaderId);
    if (queue === undefined) {
      queue = new ProduceQueue(this.#kafka, leader.leaderId, ({ topic: name }) => this.#forget(name));
      this.#queues.set(leader.leaderId, queue);
    }
    return queue.push(place, batch);
  }

  async close(): Promise<void> {
    this.#kafka.close();
  }

  /** The leader as it is known; rejects where the topic is another one than that of the place. */
  async #checkPlace({ topic: name, topicId, partition }: Place): Promise<{ leaderEpoch: number }> {
    const topic = await this.topic(name);
    const found = topic?.id === topicId ? topic.partitions[partition] : undefined;
    if (found !== undefined) return found;
    this.#forget(name);
    throw new EdgelogError('CONNECTION_LOST', `topic ${name} is not the one it was, or is not there`);
  }

  #forget(name: string): void {
    this.#topics.delete(name);
    this.#kafka.forget(name);
  }
}

function notThere({ topic, partition }: Place, message: string): Produced {
  return {
    outcome: 'unknown',
    error: 'NOT_LEADER_OR_FOLLOWER',
    message: `${topic}-${partition}: ${message}`,
  };
}

function topicOf(name: string, { topicId, partitions }: TopicMetadata): SinkTopic {
  return {
    name,
    id: topicId,
    partitions: partitions.map(({ partitionIndex, leaderId, leaderEpoch }) => ({
      index: partitionIndex,
      leaderId,
      leaderEpoch,
    })),
  };
}
