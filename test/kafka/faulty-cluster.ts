import { EdgelogError } from '@edgelog/base';
import type { Produced, SinkCluster } from '@edgelog/sink';
import { sleep } from '../harness/wait.ts';

export type Call = Exclude<keyof SinkCluster, 'clusterId' | 'brokerCount' | 'close'>;

/** What happens at a call. `lose`: the cluster carries it out, and the answer is lost; `late`: it is heard late. */
export type FaultKind = 'fail' | 'lose' | 'late' | 'die before' | 'die after';

/** Asked at each call, the first being number 0. */
export type FaultPlan = (step: { index: number; call: Call }) => FaultKind | undefined;

/**
 * A cluster as a process sees it whose calls fail, whose answers are lost, and which dies at a call: from then on nothing of it reaches
 * the cluster, and nothing comes back.
 */
export class FaultyCluster implements SinkCluster {
  readonly clusterId: string;
  readonly brokerCount: number;
  /** Every call so far, in order. */
  readonly calls: Call[] = [];
  readonly #cluster: SinkCluster;
  readonly #plan: FaultPlan;
  readonly #onDeath: () => void;
  readonly #pauseMs: number;
  #isDead = false;

  /** `pauseMs`: after which an answer is found to be lost, or heard late. */
  constructor(cluster: SinkCluster, plan: FaultPlan, onDeath: () => void, pauseMs = 0) {
    this.clusterId = cluster.clusterId;
    this.brokerCount = cluster.brokerCount;
    this.#cluster = cluster;
    this.#plan = plan;
    this.#onDeath = onDeath;
    this.#pauseMs = pauseMs;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  readonly topic: SinkCluster['topic'] = (...args) =>
    this.#through('topic', () => this.#cluster.topic(...args));

  readonly createTopic: SinkCluster['createTopic'] = (...args) =>
    this.#through('createTopic', () => this.#cluster.createTopic(...args));

  readonly configs: SinkCluster['configs'] = (...args) =>
    this.#through('configs', () => this.#cluster.configs(...args));

  readonly knownProducers: SinkCluster['knownProducers'] = (...args) =>
    this.#through('knownProducers', () => this.#cluster.knownProducers(...args));

  readonly ends: SinkCluster['ends'] = (...args) => this.#through('ends', () => this.#cluster.ends(...args));

  readonly offsetAt: SinkCluster['offsetAt'] = (...args) =>
    this.#through('offsetAt', () => this.#cluster.offsetAt(...args));

  readonly scan: SinkCluster['scan'] = (...args) => this.#through('scan', () => this.#cluster.scan(...args));

  readonly produce: SinkCluster['produce'] = (...args) =>
    this.#through<Produced>(
      'produce',
      () => this.#cluster.produce(...args),
      () => ({ outcome: 'unknown', error: 'TIMEOUT', message: 'a test lost it' }),
    );

  /** kill -9 of the process. */
  die(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#onDeath();
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  async #through<T>(call: Call, pass: () => Promise<T>, lost: () => T = fail): Promise<T> {
    if (this.#isDead) return never();
    const fault = this.#plan({ index: this.calls.push(call) - 1, call });
    if (fault === 'die before') {
      this.die();
      return never();
    }
    if (fault === 'fail') return lost();
    const answer = await pass();
    if (fault === 'die after') this.die();
    else if (fault !== undefined && this.#pauseMs > 0) await sleep(this.#pauseMs);
    if (this.#isDead) return never();
    return fault === 'lose' ? lost() : answer;
  }
}

const never = <T>(): Promise<T> => new Promise(() => {});

function fail(): never {
  throw new EdgelogError('TIMEOUT', 'a test lost it');
}
