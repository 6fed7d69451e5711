import type { Connection } from '@edgelog/client';
import { apis, type ErrorName, errorName, iterateBatches, iterateRecords } from '@edgelog/wire';
import type { History, Reading } from '../history/history.ts';
import type { Leader, Routes } from './routes.ts';

const MAX_WAIT_MS = 250;
const FETCH_BYTES = 1024 * 1024;
const LATEST = -1;

/** Answers upon which a consumer asks who leads now, and again. */
const RETRIED: ReadonlySet<ErrorName> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'BROKER_NOT_AVAILABLE',
  // A leader that meets damage on its disk withdraws, and another replica has what it had.
  'CORRUPT_MESSAGE',
]);

/** Reads one partition from its start, at its leader, every record of it into the history. */
export class RawReader {
  readonly #name: string;
  readonly #topic: string;
  readonly #index: number;
  readonly #routes: Routes;
  readonly #history: History;
  readonly #reading: Reading;
  /** Connections since a fetch was answered well. */
  #failures = 0;

  constructor(name: string, topic: string, index: number, routes: Routes, history: History) {
    this.#name = name;
    this.#topic = topic;
    this.#index = index;
    this.#routes = routes;
    this.#history = history;
    this.#reading = history.reading(name, `${topic}-${index}`);
  }

  get position(): number {
    return this.#reading.next!;
  }

  /** As long as `isWanted`. */
  async run(isWanted: () => boolean): Promise<void> {
    while (isWanted()) {
      const connected = await this.#routes.connect(this.#topic, this.#index, isWanted);
      if (connected === undefined) return;
      try {
        while (isWanted() && (await this.#fetch(connected.connection, connected.leader)));
      } catch {
        // The connection broke: again, elsewhere.
      } finally {
        connected.connection.close();
      }
      if (isWanted()) await this.#routes.again(this.#failures++);
    }
  }

  /** False when the leader is to be looked for again. */
  async #fetch(connection: Connection, leader: Leader): Promise<boolean> {
    const offset = this.position;
    const answer = await connection.request(apis.fetch, {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      isolationLevel: 0,
      topics: [
        {
          topic: this.#topic,
          topicId: leader.topicId,
          partitions: [
            {
              partition: this.#index,
              currentLeaderEpoch: leader.leaderEpoch,
              fetchOffset: offset,
              partitionMaxBytes: FETCH_BYTES,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
    });
    const [found] = answer.responses[0]?.partitions ?? [];
    if (found === undefined) return answer.errorCode === 0;
    const name = errorName(found.errorCode);
    if (name === 'NONE') {
      this.#failures = 0;
      this.#take(found.records ?? Buffer.alloc(0));
      return true;
    }
    if (!RETRIED.has(name))
      this.#history.violation('refused', `${this.#name} was refused offset ${offset}: ${name}`, {
        partition: this.#reading.partition,
        offset,
      });
    return false;
  }

  #take(records: Buffer): void {
    for (const { at, header } of iterateBatches(records)) {
      const batch = records.subarray(at, at + header.sizeBytes);
      for (const { offset, value } of iterateRecords(batch))
        if (offset >= this.position) this.#history.read(this.#reading, offset, value ?? '');
    }
  }
}

/** The end of a partition as its leader has it, with the epoch; undefined where that was not to be had. */
export async function endOf(
  connection: Connection,
  leader: Leader,
  topic: string,
  index: number,
): Promise<{ offset: number; leaderEpoch: number } | undefined> {
  const answer = await connection.request(apis.listOffsets, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [
      {
        name: topic,
        partitions: [{ partitionIndex: index, currentLeaderEpoch: leader.leaderEpoch, timestamp: LATEST }],
      },
    ],
  });
  const [found] = answer.topics[0]!.partitions;
  return found?.errorCode === 0 ? { offset: found.offset, leaderEpoch: found.leaderEpoch } : undefined;
}
