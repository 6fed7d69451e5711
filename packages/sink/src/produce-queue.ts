import { EdgelogError } from '@edgelog/base';
import type { KafkaCluster } from '@edgelog/client';
import { apis, ErrorCode, errorCodes, errorName } from '@edgelog/wire';
import type { Place, Produced } from './cluster.ts';

/** What the leader waits for replicas, and what comes on top until its answer is here, over a slow link too. */
const REPLICAS_MS = 10_000;
const ANSWER_MS = 30_000;
const SLOW_BYTES_PER_MS = 4;
/** Of batches in one request. */
const REQUEST_BYTES = 4 * 1024 * 1024;
const ACKS_ALL = -1;
/** First version that names topics by id: a batch for a topic that was deleted never goes into its successor. */
const BY_ID = 13;

interface Waiting {
  readonly place: Place;
  readonly batch: Buffer;
  readonly settle: (produced: Produced) => void;
}

/**
 * The way of batches to one broker: one connection, requests in the order of the calls, each with one batch of every partition that has one.
 * What comes in one turn of the event loop goes together. Nothing is copied or tried again.
 */
export class ProduceQueue {
  readonly #kafka: KafkaCluster;
  readonly #nodeId: number;
  /** Told of a place that is not led here any more. */
  readonly #onMoved: (place: Place) => void;
  #waiting: Waiting[] = [];
  #isDue = false;

  constructor(kafka: KafkaCluster, nodeId: number, onMoved: (place: Place) => void) {
    this.#kafka = kafka;
    this.#nodeId = nodeId;
    this.#onMoved = onMoved;
  }

  push(place: Place, batch: Buffer): Promise<Produced> {
    return new Promise((settle) => {
      this.#waiting.push({ place, batch, settle });
      if (this.#isDue) return;
      this.#isDue = true;
      setImmediate(() => this.#sendAll());
    });
  }

  #sendAll(): void {
    this.#isDue = false;
    while (this.#waiting.length > 0) void this.#send(this.#take());
  }

  /** The first batch of each partition, in order; the others wait for the next request. */
  #take(): Waiting[] {
    const taken = new Map<string, Waiting>();
    const left: Waiting[] = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      const key = keyOf(one.place);
      const isFull = bytes > 0 && bytes + one.batch.length > REQUEST_BYTES;
      if (isFull || taken.has(key)) {
        left.push(one);
        // Nothing of a partition overtakes what waits.
        if (isFull) bytes = Number.POSITIVE_INFINITY;
      } else {
        taken.set(key, one);
        bytes += one.batch.length;
      }
    }
    this.#waiting = left;
    return [...taken.values()];
  }

  async #send(sent: readonly Waiting[]): Promise<void> {
    let bytes = 0;
    for (const { batch } of sent) bytes += batch.length;
    const options = { purpose: 'produce', timeoutMs: ANSWER_MS + bytes / SLOW_BYTES_PER_MS };
    const byTopic = Map.groupBy(sent, ({ place }) => place.topicId);
    const topicData = Array.from(byTopic, ([topicId, ones]) => ({
      ...{ name: ones[0]!.place.topic, topicId },
      partitionData: ones.map(({ place, batch }) => ({ index: place.partition, records: batch })),
    }));
    let answers: Map<string, Produced>;
    let isById = false;
    try {
      const body = (version: number) => {
        isById = version >= BY_ID;
        return { acks: ACKS_ALL, timeoutMs: REPLICAS_MS, topicData };
      };
      const answer = await this.#kafka.toBroker(this.#nodeId, apis.produce, body, options);
      answers = new Map(
        answer.responses.flatMap(({ name, topicId, partitionResponses }) =>
          partitionResponses.map(
            (one) => [`${isById ? topicId : name}-${one.index}`, outcomeOf(one)] as const,
          ),
        ),
      );
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#lost(sent, { outcome: 'unknown', error: error.code, message: error.message });
      return;
    }
    for (const { place, settle } of sent) {
      const produced =
        answers.get(`${isById ? place.topicId : place.topic}-${place.partition}`) ?? UNANSWERED;
      if (produced.outcome === 'unknown') this.#onMoved(place);
      settle(produced);
    }
  }

  /**
   * What is lost takes all with it that waits for the same partitions: over the next connection it would come without what was to be before
   * it. This is done before anything is sent there, since a queue sends in a turn of its own.
   */
  #lost(sent: readonly Waiting[], produced: Produced): void {
    const places = new Set(sent.map(({ place }) => keyOf(place)));
    const behind = this.#waiting.filter(({ place }) => places.has(keyOf(place)));
    this.#waiting = this.#waiting.filter(({ place }) => !places.has(keyOf(place)));
    for (const { place, settle } of [...sent, ...behind]) {
      this.#onMoved(place);
      settle(produced);
    }
  }
}

const keyOf = ({ topicId, partition }: Place): string => `${topicId}-${partition}`;

const UNANSWERED: Produced = {
  outcome: 'unknown',
  error: 'CORRUPT_FRAME',
  message: 'the broker did not answer for it',
};

/** Nothing of the batch was taken, and the same bytes will do no better. */
const REFUSED: ReadonlySet<number> = new Set([
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.INVALID_TOPIC_EXCEPTION,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCode.POLICY_VIOLATION,
  ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
]);

interface PartitionAnswer {
  readonly errorCode: number;
  readonly baseOffset: number;
  readonly errorMessage: string | null;
  readonly recordErrors: readonly { readonly batchIndexErrorMessage: string | null }[];
}

function outcomeOf({ errorCode, baseOffset, errorMessage, recordErrors }: PartitionAnswer): Produced {
  if (errorCode === ErrorCode.NONE && baseOffset >= 0) return { outcome: 'committed', baseOffset };
  const error = errorName(errorCode);
  const message = recordErrors[0]?.batchIndexErrorMessage ?? errorMessage ?? errorCodes[error].message;
  return { outcome: REFUSED.has(errorCode) ? 'refused' : 'unknown', error, message };
}
