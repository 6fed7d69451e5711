import { assert } from '@edgelog/base';
import type { StateTable } from '@edgelog/log';
import type { Position, RunInfo } from '@edgelog/sync';
import { z } from 'zod';
import type { Topic, Topics } from '../metadata/topics.ts';
import type { Partition } from '../partition/partition.ts';
import { putRecord, readRecords } from '../state-record.ts';

const PREFIX = 'run/';

const runRecord = z.strictObject({
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
  openedAtMs: z.int(),
});
type RunRecord = z.infer<typeof runRecord>;

/** A run as the hub knows it. */
export interface Run extends Readonly<RunRecord> {
  readonly producerId: number;
}

/**
 * Which partition each gateway's run feeds, for ever. When a topic is deleted its runs keep their position: created again, the
 * topic goes on from there, since what the operator deleted is not lost data, and nothing is sent twice.
 */
export class Runs {
  readonly #state: StateTable;
  readonly #topics: Topics;
  readonly #byProducerId = new Map<number, Run>();

  constructor(state: StateTable, topics: Topics) {
    this.#state = state;
    this.#topics = topics;
    for (const [producerId, record] of readRecords(state, PREFIX, runRecord)) {
      this.#byProducerId.set(Number(producerId), { producerId: Number(producerId), ...record });
    }
    topics.whenDeleted.push((topic) => this.#carry(topic));
  }

  get(producerId: number): Run | undefined {
    return this.#byProducerId.get(producerId);
  }

  all(): Iterable<Run> {
    return this.#byProducerId.values();
  }

  /** Remembers where a new run goes; durable with the next commit. */
  add(gateway: string, info: RunInfo, topic: Topic, partition: number, openedAtMs: number): Run {
    const { producerId, logId, firstOffset } = info;
    assert(!this.#byProducerId.has(producerId), `run ${producerId} is new`);
    return this.#put({
      producerId,
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

  /** The run's topic was deleted and created again: goes on in the new one. */
  move(run: Run, topic: Topic, partition: number): Run {
    const countedFrom = run.carried?.next ?? run.firstOffset;
    return this.#put({ ...run, topicId: topic.id, partition, countedFrom });
  }

  rename(run: Run, gateway: string): Run {
    return this.#put({ ...run, gateway });
  }

  /** The partition the run feeds, unless its topic is gone. */
  partitionOf(run: Run): Partition | undefined {
    return this.#topics.byId(run.topicId)?.partitions[run.partition];
  }

  /** Position with all that was appended, flushed or not; undefined when nothing of the run ever was. */
  position(run: Run): Position | undefined {
    const producer = this.partitionOf(run)?.replica?.producer(run.producerId);
    const crc = producer?.batches.at(-1)?.crc;
    if (producer === undefined || crc === undefined) return run.carried;
    return { next: run.countedFrom + producer.recordCount, crc };
  }

  #carry(topic: Topic): void {
    for (const run of this.#byProducerId.values()) {
      if (run.topicId !== topic.id) continue;
      const producer = topic.partitions[run.partition]?.replica?.producer(run.producerId);
      const crc = producer?.batches.at(-1)?.crc;
      if (producer === undefined || crc === undefined) continue;
      this.#put({ ...run, carried: { next: run.countedFrom + producer.recordCount, crc } });
    }
  }

  #put(run: Run): Run {
    const { producerId, ...record } = run;
    putRecord(this.#state, `${PREFIX}${producerId}`, runRecord, record);
    this.#byProducerId.set(producerId, run);
    return run;
  }
}
