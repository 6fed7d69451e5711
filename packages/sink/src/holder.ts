import { EdgelogError } from '@edgelog/base';
import { type KafkaSecuritySettings, kafkaSecurityOf, parseKafkaUrl } from '@edgelog/client';
import { AnotherCluster } from '@edgelog/client/refusal.ts';
import type { Logger } from '@edgelog/runtime';
import type { SinkCluster } from './cluster.ts';
import { connectKafkaCluster } from './kafka-cluster.ts';
import { processClock } from './process-clock.ts';
import type { SinkSettings } from './settings.ts';
import { openKafkaSink } from './sink.ts';
import type { KafkaSink } from './sink-types.ts';

export interface SinkHolderOptions {
  /** `kafka://…` or `kafka+tls://…` */
  readonly url: string;
  readonly settings: KafkaSecuritySettings & SinkSettings;
  /** As the cluster sees it in its logs and quotas. */
  readonly clientId: string;
  readonly log: Logger;
  /** How long another cluster answers before it is taken for the one that is meant; default a minute. */
  readonly anotherMs?: number;
}

const ANOTHER_MS = 60_000;

/** The sink of a process that may be without a network for weeks: opened once the cluster is reached, and kept from then on. */
export class SinkHolder {
  readonly #options: SinkHolderOptions;
  readonly #connect: () => Promise<SinkCluster>;
  #opening: Promise<KafkaSink> | undefined;
  #opened: KafkaSink | undefined;
  /** Since when another cluster has answered, by performance.now(). */
  #anotherSince: number | undefined;
  #isStopped = false;

  /** Throws CONFIG_INVALID for settings that contradict each other. */
  constructor(options: SinkHolderOptions) {
    const { url, settings, clientId, log } = options;
    const { bootstrap, isTls } = parseKafkaUrl(url);
    const security = kafkaSecurityOf({ isTls }, settings);
    this.#options = options;
    this.#connect = () => connectKafkaCluster({ bootstrap, security, clientId, log });
  }

  /** Undefined as long as no cluster was reached. */
  get sink(): KafkaSink | undefined {
    return this.#opened;
  }

  /**
   * The sink, once the cluster has answered to this very call. Rejects with EdgelogError where it does not: AUTHENTICATION_FAILED, and
   * others that pass.
   */
  async reach(): Promise<KafkaSink> {
    const opened = this.#opened;
    if (opened === undefined) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      return this.#opening;
    }
    try {
      await opened.check();
      this.#anotherSince = undefined;
      return opened;
    } catch (error) {
      if (!(error instanceof AnotherCluster) || !this.#isThereToStay()) throw error;
      const { log, url } = this.#options;
      log.error('another cluster has taken the place of the one before: streams begin anew there', {
        kafka: url,
        before: opened.hubId,
      });
      this.#anotherSince = undefined;
      this.#opened = undefined;
      void opened.close();
      return this.reach();
    }
  }

  /** A cluster that was made anew is gone over to; one that a wrong address led to for a moment is not. */
  #isThereToStay(): boolean {
    const now = performance.now();
    this.#anotherSince ??= now;
    return now - this.#anotherSince >= (this.#options.anotherMs ?? ANOTHER_MS);
  }

  /** Writes the positions of what is committed, and ends the connections. One that is being opened ends as soon as it is open. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#opened?.close();
  }

  async #open(): Promise<KafkaSink> {
    const { settings, log } = this.#options;
    const cluster = await this.#connect();
    try {
      this.#checkRunning();
      const sink = await openKafkaSink({ cluster, log, settings, ...processClock() });
      if (this.#isStopped) await sink.close();
      this.#checkRunning();
      this.#opened = sink;
      return sink;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  #checkRunning(): void {
    if (this.#isStopped) throw new EdgelogError('CONNECTION_LOST', 'the sink is stopped');
  }
}
