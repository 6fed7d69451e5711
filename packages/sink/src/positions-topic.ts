import { EdgelogError } from '@edgelog/base';
import type { SyncLog } from '@edgelog/sync';
import type { Place, SinkCluster, SinkTopic } from './cluster.ts';
import { Positions } from './positions.ts';
import {
  isOfOpenings,
  type OpeningRecord,
  openingKey,
  POSITIONS_PARTITIONS,
  type PositionRecord,
  positionKey,
} from './records.ts';
import { Rounds } from './rounds.ts';
import { TopicWriter } from './topic-writer.ts';

const REPLICATION = 3;
/** Small segments are compacted soon, so that who reads it from its beginning reads little. */
const CONFIGS = {
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'LogAppendTime',
  'segment.bytes': String(16 * 1024 * 1024),
  'min.cleanable.dirty.ratio': '0.2',
};

export interface PositionsTopicOptions {
  readonly cluster: SinkCluster;
  readonly name: string;
  readonly mayCreate: boolean;
  readonly log: SyncLog;
  readonly now: () => number;
  readonly recordsKept: number | undefined;
}

interface Share {
  readonly place: Place;
  readonly rounds: Rounds<void>;
  readonly writer: TopicWriter;
  readonly kind: 'opening' | 'position';
  /** Runs for which it is to be read from its beginning. */
  readonly wanted: Set<number>;
  /** Read up to here. */
  offset: number;
}

/** The compacted topic of openings and positions: read on as far as it is needed, and written to. */
export class PositionsTopic {
  readonly known: Positions;
  readonly #cluster: SinkCluster;
  readonly #shares: readonly Share[];
  readonly topic: SinkTopic;

  private constructor({ cluster, now, recordsKept }: PositionsTopicOptions, topic: SinkTopic) {
    this.known = new Positions(recordsKept);
    this.#cluster = cluster;
    this.topic = topic;
    this.#shares = Array.from({ length: POSITIONS_PARTITIONS }, (_, partition) => {
      const place = { topic: topic.name, topicId: topic.id, partition };
      const rounds = new Rounds(() => this.#readOn(partition));
      const kind = isOfOpenings(partition) ? 'opening' : 'position';
      const writer = new TopicWriter(cluster, place, now);
      return { place, rounds, writer, kind, wanted: new Set(), offset: 0 };
    });
  }

  /** Rejects with CONFIG_INVALID where the topic cannot be used, else as the cluster does. */
  static async open(options: PositionsTopicOptions): Promise<PositionsTopic> {
    const { cluster, name, mayCreate, log } = options;
    let topic = await cluster.topic(name, true);
    if (topic === undefined) {
      if (!mayCreate) {
        throw new EdgelogError(
          'CONFIG_INVALID',
          `topic ${name} does not exist and may not be created: it needs ${POSITIONS_PARTITIONS} partitions and cleanup.policy=compact`,
        );
      }
      const replication = Math.min(REPLICATION, cluster.brokerCount);
      await cluster.createTopic(name, { partitions: POSITIONS_PARTITIONS, replication, configs: CONFIGS });
      log.info('topic created for positions of runs', { topic: name, replication });
      topic = await cluster.topic(name, true);
    }
    if (topic === undefined) throw new EdgelogError('CONNECTION_LOST', `topic ${name} is not there yet`);
    if (topic.partitions.length < POSITIONS_PARTITIONS) {
      const count = topic.partitions.length;
      throw new EdgelogError(
        'CONFIG_INVALID',
        `topic ${name} has ${count} partitions, it needs ${POSITIONS_PARTITIONS}`,
      );
    }
    return new PositionsTopic(options, topic);
  }

  /** Resolves when `known` has all of the partition that was committed when this was called. */
  read(partition: number): Promise<void> {
    return this.#shares[partition]!.rounds.next();
  }

  /** As `read`, and that `known` has all of this run, which is held: what was dropped from memory is read again, in one pass for all who ask. */
  async find(partition: number, producerId: number): Promise<void> {
    const { kind, wanted, rounds } = this.#shares[partition]!;
    await rounds.next();
    if (!this.known.mayLack(kind, producerId)) return;
    wanted.add(producerId);
    await rounds.next();
  }

  /** Resolves when it is committed. */
  writeOpening(partition: number, producerId: number, record: OpeningRecord): Promise<void> {
    return this.#shares[partition]!.writer.write({
      key: openingKey(producerId),
      value: JSON.stringify(record),
    });
  }

  /** Resolves when it is committed. */
  writePosition(partition: number, producerId: number, record: PositionRecord): Promise<void> {
    return this.#shares[partition]!.writer.write({
      key: positionKey(producerId),
      value: JSON.stringify(record),
    });
  }

  async #readOn(partition: number): Promise<void> {
    const share = this.#shares[partition]!;
    const { place, kind, offset } = share;
    const again = new Set(share.wanted);
    share.wanted.clear();
    this.known.forget(kind, again);
    try {
      const end = await this.#cluster.scan(place, again.size === 0 ? offset : 0, (batch) => {
        const isAgain = batch.header.lastOffset < offset;
        this.known.learn(batch, again, isAgain);
        if (!isAgain) share.offset = batch.header.lastOffset + 1;
        return true;
      });
      share.offset = Math.max(share.offset, end);
    } catch (error) {
      this.known.forget(kind, again);
      throw error;
    }
  }
}
