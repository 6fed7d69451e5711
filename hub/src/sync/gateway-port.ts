import { assert, EdgelogError } from '@edgelog/base';
import type { AppendError } from '@edgelog/log';
import type { Gap, HubAppend, HubPort, RefusalCode, RunInfo } from '@edgelog/sync';
import { type BatchHeader, crc32c, isReservedProducerId, readBatchHeader, sequenceOf } from '@edgelog/wire';
import type { Broker } from '../broker.ts';
import { DEFAULT_PLACEMENT, isRefused } from '../metadata/topic-admin.ts';
import { INTERNAL_TOPICS, illegalTopicName } from '../metadata/topic-name.ts';
import type { Topic } from '../metadata/topics.ts';
import type { Gaps } from './gaps.ts';
import type { Run, Runs } from './runs.ts';

type Refusal = { ok: false; code: RefusalCode; message: string };
const refuse = (code: RefusalCode, message: string): Refusal => ({ ok: false, code, message });

const REFUSAL_OF: Readonly<Record<AppendError, RefusalCode>> = {
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'out-of-order',
  DUPLICATE_SEQUENCE_NUMBER: 'out-of-order',
  INVALID_PRODUCER_EPOCH: 'protocol-error',
  INVALID_RECORD: 'corrupt-batch',
  CORRUPT_MESSAGE: 'corrupt-batch',
};

export interface GatewayPortDeps {
  broker: Pick<Broker, 'clusterId' | 'settings' | 'store' | 'topics' | 'topicAdmin' | 'log'>;
  runs: Runs;
  gaps: Gaps;
  now: () => number;
}

/** The broker as the sync protocol sees it: gateways' sealed batches go into partition logs, unchanged and in order. */
export class GatewayPort implements HubPort {
  readonly hubId: string;
  readonly #broker: GatewayPortDeps['broker'];
  readonly #runs: Runs;
  readonly #gaps: Gaps;
  readonly #now: () => number;
  /** Producer ids of the runs opened since the start. */
  readonly #opened = new Set<number>();

  constructor({ broker, runs, gaps, now }: GatewayPortDeps) {
    this.hubId = broker.clusterId;
    this.#broker = broker;
    this.#runs = runs;
    this.#gaps = gaps;
    this.#now = now;
  }

  async openRun(gateway: string, info: RunInfo): ReturnType<HubPort['openRun']> {
    const run = await this.#find(gateway, info);
    if ('ok' in run) return run;
    // What is appended from here on, by another session of the same run, is not flushed when this one is answered.
    const position = this.#runs.position(run);
    try {
      await this.#broker.store.flushed();
    } catch (error) {
      return refuse('store-failed', error instanceof Error ? error.message : String(error));
    }
    this.#opened.add(run.producerId);
    return { ok: true, partition: run.partition, position };
  }

  append(producerId: number, batch: Buffer): HubAppend {
    const run = this.#runs.get(producerId);
    if (run === undefined || !this.#opened.has(producerId)) {
      return refuse('protocol-error', `run ${producerId} was not opened`);
    }
    const topic = this.#broker.topics.byId(run.topicId);
    if (topic === undefined) return refuse('topic-missing', deleted(run.topic));
    try {
      const header = readBatchHeader(batch);
      return this.#check(run, topic, batch, header) ?? this.#append(run, topic, batch, header);
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      return refuse(error.code === 'CORRUPT_BATCH' ? 'corrupt-batch' : 'store-failed', error.message);
    }
  }

  async recordGap(gateway: string, gap: Gap): Promise<void> {
    if (this.#gaps.add(gateway, gap, this.#now())) {
      const { logId, topic, from, to, reason } = gap;
      this.#broker.log.warn('gap declared by gateway', {
        gateway,
        topic,
        logId,
        from,
        to,
        reason,
        records: to - from,
      });
    }
    await this.#broker.store.flushed();
  }

  async #find(gateway: string, info: RunInfo): Promise<Run | Refusal> {
    const { producerId, logId, topic: name, firstOffset } = info;
    if (!isReservedProducerId(producerId)) {
      return refuse('protocol-error', `producer id ${producerId} is outside the range of gateways' runs`);
    }
    const illegal = INTERNAL_TOPICS.has(name) ? `topic ${name} is the broker's own` : illegalTopicName(name);
    if (illegal !== undefined) return refuse('illegal-topic', illegal);
    const known = this.#runs.get(producerId);
    if (known !== undefined) {
      if (known.logId !== logId || known.topic !== name || known.firstOffset !== firstOffset) {
        const holder = `log ${known.logId} of gateway ${known.gateway}, topic ${known.topic}`;
        return refuse(
          'protocol-error',
          `producer id ${producerId} belongs to ${holder}, from ${known.firstOffset}`,
        );
      }
      return this.#resume(gateway, known);
    }
    const topic = this.#broker.topics.get(name);
    if (topic === undefined) return (await this.#create(name, gateway)) ?? this.#find(gateway, info);
    return this.#runs.add(gateway, info, topic, partitionFor(gateway, topic), this.#now());
  }

  #resume(gateway: string, known: Run): Run | Refusal {
    const topic = this.#broker.topics.get(known.topic);
    if (topic === undefined) return refuse('topic-missing', deleted(known.topic));
    const run = known.gateway === gateway ? known : this.#runs.rename(known, gateway);
    return topic.id === run.topicId ? run : this.#runs.move(run, topic, partitionFor(gateway, topic));
  }

  async #create(name: string, gateway: string): Promise<Refusal | undefined> {
    const { settings, topicAdmin, log } = this.#broker;
    if (!settings.autoCreateTopics)
      return refuse('topic-missing', `topic ${name} does not exist and may not be created by agents`);
    const partitions = settings.defaultPartitions;
    const outcome = await topicAdmin.create({ name, partitions, configs: {}, placement: DEFAULT_PLACEMENT });
    if (isRefused(outcome)) return refuse('topic-missing', `topic ${name}: ${outcome.message}`);
    log.info('topic created for a gateway', { topic: name, gateway, partitions });
    return undefined;
  }

  #check(run: Run, topic: Topic, batch: Buffer, header: BatchHeader): Refusal | undefined {
    if (header.sizeBytes !== batch.length) {
      return refuse('corrupt-batch', `${batch.length} bytes hold a batch of ${header.sizeBytes}`);
    }
    if (header.sizeBytes > topic.maxMessageBytes) {
      const limit = `topic ${topic.name} takes up to ${topic.maxMessageBytes} (max.message.bytes)`;
      return refuse('batch-too-large', `the batch has ${header.sizeBytes} bytes, ${limit}`);
    }
    if (header.producerId !== run.producerId) {
      return refuse('protocol-error', `batch of producer ${header.producerId} in run ${run.producerId}`);
    }
    if (header.isControl || header.isTransactional || header.producerEpoch !== 0) {
      return refuse('corrupt-batch', 'a gateway seals plain batches of producer epoch 0');
    }
    // Not even a repeat: a session starts at the run's position, so whoever sends below it is a clone under another
    // name, whose records at these offsets are other ones. Compared anew, it finds out and begins a run of its own.
    const next = this.#runs.position(run)?.next ?? run.firstOffset;
    if (header.baseSequence !== sequenceOf(next)) {
      const expected = `${sequenceOf(next)} for offset ${next}`;
      return refuse('out-of-order', `the batch has sequence ${header.baseSequence}, expected ${expected}`);
    }
    return undefined;
  }

  #append(run: Run, topic: Topic, batch: Buffer, header: BatchHeader): HubAppend {
    const { crc } = header;
    const result = topic.partitions[run.partition]!.append(batch, header);
    if (!result.ok) return refuse(REFUSAL_OF[result.error], result.message);
    const position = this.#runs.position(run)!;
    assert(position.crc === crc, `run ${run.producerId} ends with the batch just appended`);
    return { ok: true, committed: result.flushed.then(() => position) };
  }
}

/** A gateway's records for a topic stay in one partition; several gateways spread over all. */
function partitionFor(gateway: string, topic: Topic): number {
  return crc32c(Buffer.from(`${gateway}\0${topic.name}`)) % topic.partitions.length;
}

function deleted(topic: string): string {
  return `topic ${topic} was deleted at the hub; the stream goes on when it is created again`;
}
