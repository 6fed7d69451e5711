import type { Prng } from '../prng.ts';
import type { SimBroker, Surroundings } from './broker.ts';
import type { Node } from './network.ts';
import type { ConsumeAnswer, ProduceAnswer } from './replica.ts';

const TIMEOUT_MS = 3_000;
const RETRY_MS = 100;

/** Finds the leader by asking whom it knows; what is behind the name never dies and is never cut off from itself. */
abstract class Client implements Node {
  readonly name: string;
  protected readonly around: Surroundings;
  protected readonly partition: string;
  readonly #prng: Prng;
  #leader = 0;

  constructor(name: string, partition: string, around: Surroundings, prng: Prng) {
    this.name = name;
    this.partition = partition;
    this.around = around;
    this.#prng = prng;
  }

  run(action: () => void): void {
    action();
  }

  protected between(min: number, max: number): number {
    return this.#prng.between(min, max);
  }

  protected ask<A extends { kind: string; leader?: number }>(
    work: (broker: SimBroker, answer: (answer: A | { kind: 'retry'; leader: number }) => void) => void,
    reply: (answer: A | undefined) => void,
  ): void {
    const { brokers, network, scheduler } = this.around;
    const broker = brokers[this.#leader]!;
    network.request<A | { kind: 'retry'; leader: number }>(
      this,
      broker,
      (answer) => work(broker, answer),
      (answer) => {
        if (answer !== undefined && answer.kind !== 'retry') return reply(answer as A);
        const hint = answer?.leader ?? -1;
        this.#leader = hint >= 0 ? hint : this.between(0, brokers.length - 1);
        scheduler.after(RETRY_MS, () => reply(undefined));
      },
      TIMEOUT_MS,
    );
  }
}

/** An idempotent producer with acks=all: one batch at a time, asked again until it is acknowledged. */
export class SimProducer extends Client {
  readonly #id: number;
  #sequence = 0;
  #isStopped = false;
  idle = true;

  constructor(id: number, partition: string, around: Surroundings, prng: Prng) {
    super(`producer ${id}`, partition, around, prng);
    this.#id = id;
  }

  start(nextRecord: () => number, gapMsMax: number): void {
    const next = (): void => {
      this.idle = this.#isStopped;
      if (this.#isStopped) return;
      const records = Array.from({ length: this.between(1, 3) }, nextRecord);
      this.#send(records, () => this.around.scheduler.after(this.between(0, gapMsMax), next));
    };
    this.idle = false;
    next();
  }

  /** After the batch that is on its way. */
  stop(): void {
    this.#isStopped = true;
  }

  #send(records: readonly number[], then: () => void): void {
    const sequence = this.#sequence;
    this.ask<ProduceAnswer>(
      (broker, answer) => {
        const replica = broker.process?.replica(this.partition);
        if (replica === undefined) answer({ kind: 'retry', leader: -1 });
        else replica.produce(this.#id, sequence, records, answer);
      },
      (answer) => {
        if (answer === undefined) return this.#send(records, then);
        if (answer.kind === 'out-of-order') {
          this.around.history.sequenceLost(this.partition, this.#id, sequence);
          return;
        }
        this.#sequence++;
        then();
      },
    );
  }
}

/** Reads a partition from the start, again and again from where it is. */
export class SimConsumer extends Client {
  #offset = 0;

  get offset(): number {
    return this.#offset;
  }

  start(): void {
    this.ask<ConsumeAnswer>(
      (broker, answer) => {
        const replica = broker.process?.replica(this.partition);
        if (replica === undefined) answer({ kind: 'retry', leader: -1 });
        else replica.consume(this.#offset, answer);
      },
      (answer) => {
        if (answer?.kind === 'records') {
          for (const { baseOffset, records } of answer.batches) {
            records.forEach((record, index) => {
              if (baseOffset + index < this.#offset) return;
              this.around.history.read(this.partition, baseOffset + index, record);
              this.#offset = baseOffset + index + 1;
            });
          }
        }
        this.around.scheduler.after(this.between(20, 200), () => this.start());
      },
    );
  }
}
