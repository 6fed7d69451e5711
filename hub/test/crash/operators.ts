import { setTimeout as sleep } from 'node:timers/promises';
import { apis, ErrorCode, errorName } from '@edgelog/wire';
import type { RawClient } from '../support/raw-client.ts';
import { checkTopic, type TopicState } from './check-topic.ts';
import { type ClientContext, keepConnected } from './connected.ts';
import { observeTopics } from './observe.ts';
import type { PartitionLedger } from './partition-ledger.ts';
import { drawBatch, receiveAnswer, sendBatches } from './produce.ts';

const TIMEOUT_MS = 10_000;
const TOPIC_RESOURCE = 2;
const SET = 0;
const PAUSE_MS = 5;
const PARTITIONS_MAX = 4;

/** Creates the topic, and enters it in the book. */
export async function createTopic(
  { book }: Pick<ClientContext, 'book'>,
  client: RawClient,
  name: string,
  { partitions, configs }: Omit<TopicState, 'topicId'>,
): Promise<void> {
  book.forget(name);
  const topic = book.topic(name);
  topic.asked({ topicId: undefined, partitions, configs });
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  const body = { name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: entries };
  const { topics } = await client.call(apis.createTopics, 7, { topics: [body], timeoutMs: TIMEOUT_MS });
  const { errorCode, errorMessage, topicId } = topics[0]!;
  demand(`creation of ${name}`, errorCode, errorMessage);
  topic.settle({ topicId, partitions, configs });
}

function demand(what: string, errorCode: number, message?: string | null): void {
  if (errorCode !== ErrorCode.NONE)
    throw new Error(`${what} refused: ${errorName(errorCode)} ${message ?? ''}`);
}

/** Creates topics, writes to them, changes their configs and partitions, and deletes them again. */
export class TopicOperator {
  readonly #context: ClientContext;
  readonly #names: readonly string[];

  constructor(context: ClientContext, names: readonly string[]) {
    this.#context = context;
    this.#names = names;
  }

  run(): Promise<void> {
    return keepConnected(this.#context, (client) => this.#session(client));
  }

  async #session(client: RawClient): Promise<void> {
    const { gate, prng } = this.#context;
    await this.#look(client);
    while (gate.isOpen) {
      await this.#step(client, prng.pick(this.#names));
      await sleep(PAUSE_MS);
    }
  }

  /** After a lost connection: what became of what was asked. */
  async #look(client: RawClient): Promise<void> {
    const { book } = this.#context;
    const observed = await observeTopics(client);
    for (const name of this.#names) {
      const problem = checkTopic(name, book.topic(name).values, observed.get(name));
      if (problem !== undefined) throw new Error(problem);
      book.topic(name).settle(observed.get(name));
      if (!observed.has(name)) book.forget(name);
    }
  }

  async #step(client: RawClient, name: string): Promise<void> {
    const { book, prng } = this.#context;
    const state = book.topic(name).certain;
    const configs: Record<string, string> = { 'retention.ms': String(prng.between(1, 9) * 10_000_000) };
    if (state === undefined) {
      await createTopic(this.#context, client, name, { partitions: prng.between(1, 2), configs });
      return;
    }
    const act = prng.pick(['write', 'write', 'write', 'configure', 'widen', 'delete'] as const);
    if (act === 'write') await this.#write(client, name, state);
    else if (act === 'configure') await this.#configure(client, name, state, configs);
    else if (act === 'delete') await this.#delete(client, name);
    else if (state.partitions < PARTITIONS_MAX) await this.#widen(client, name, state);
  }

  async #write(client: RawClient, name: string, { partitions }: TopicState): Promise<void> {
    const { book, prng } = this.#context;
    const draft = drawBatch(book.partition(name, prng.between(0, partitions - 1)), prng);
    sendBatches(client, [draft]);
    await receiveAnswer(client, [draft]);
  }

  async #configure(
    client: RawClient,
    name: string,
    state: TopicState,
    set: TopicState['configs'],
  ): Promise<void> {
    const topic = this.#context.book.topic(name);
    const next = { ...state, configs: { ...state.configs, ...set } };
    topic.asked(next);
    const configs = Object.entries(set).map(([key, value]) => ({ name: key, configOperation: SET, value }));
    const { responses } = await client.call(apis.incrementalAlterConfigs, 1, {
      resources: [{ resourceType: TOPIC_RESOURCE, resourceName: name, configs }],
      validateOnly: false,
    });
    demand(`configs of ${name}`, responses[0]!.errorCode, responses[0]!.errorMessage);
    topic.settle(next);
  }

  async #widen(client: RawClient, name: string, state: TopicState): Promise<void> {
    const topic = this.#context.book.topic(name);
    const next = { ...state, partitions: state.partitions + 1 };
    topic.asked(next);
    const { results } = await client.call(apis.createPartitions, 2, {
      topics: [{ name, count: next.partitions, assignments: null }],
      timeoutMs: TIMEOUT_MS,
      validateOnly: false,
    });
    demand(`partitions of ${name}`, results[0]!.errorCode, results[0]!.errorMessage);
    topic.settle(next);
  }

  async #delete(client: RawClient, name: string): Promise<void> {
    const { book } = this.#context;
    book.topic(name).asked(undefined);
    const { responses } = await client.call(apis.deleteTopics, 5, {
      topicNames: [name],
      timeoutMs: TIMEOUT_MS,
    });
    demand(`deletion of ${name}`, responses[0]!.errorCode, responses[0]!.errorMessage);
    book.topic(name).settle(undefined);
    book.forget(name);
  }
}

/** Deletes the oldest records of partitions that grow without end. */
export class RecordsDeleter {
  readonly #context: ClientContext;
  readonly #partitions: readonly PartitionLedger[];
  readonly #recordsMax: number;

  constructor(context: ClientContext, partitions: readonly PartitionLedger[], recordsMax: number) {
    this.#context = context;
    this.#partitions = partitions;
    this.#recordsMax = recordsMax;
  }

  run(): Promise<void> {
    return keepConnected(this.#context, async (client) => {
      for (; this.#context.gate.isOpen; await sleep(PAUSE_MS))
        for (const ledger of this.#partitions) await this.#delete(client, ledger);
    });
  }

  async #delete(client: RawClient, ledger: PartitionLedger): Promise<void> {
    const spare = ledger.endOffset - ledger.deletedAcknowledged - this.#recordsMax;
    if (spare <= 0) return;
    const offset = ledger.deletedAcknowledged + this.#context.prng.between(spare, spare + this.#recordsMax);
    ledger.deletedAsked = Math.max(ledger.deletedAsked, offset);
    const { topics } = await client.call(apis.deleteRecords, 1, {
      topics: [{ name: ledger.topic, partitions: [{ partitionIndex: ledger.index, offset }] }],
      timeoutMs: TIMEOUT_MS,
    });
    const { errorCode, lowWatermark } = topics[0]!.partitions[0]!;
    demand(`deletion of records of ${ledger.name}`, errorCode);
    if (lowWatermark < offset)
      throw new Error(`${ledger.name} starts at ${lowWatermark} after deletion up to ${offset}`);
    ledger.deletedAcknowledged = offset;
  }
}
