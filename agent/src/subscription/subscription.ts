import { backoffMs, EdgelogError } from '@edgelog/base';
import { type Alarms, type Pressure, parseJson, sourceHeaders } from '@edgelog/edge';
import type { StateTable } from '@edgelog/log';
import type { Counter, Logger, Metrics } from '@edgelog/runtime';
import mqtt, { type MqttClient } from 'mqtt';
import { z } from 'zod';
import type { Ingest } from '../ingest/index.ts';
import { fromPacketProperties, headersOf } from '../mqtt/message-properties.ts';
import type { Qos2Window } from '../mqtt/qos2.ts';
import { clientOptions } from './client-options.ts';
import { BrokerConnection, type Message } from './connection.ts';
import { filtersOf, nameOf, type SubscriptionSetting } from './setting.ts';

export interface SubscriptionOptions {
  setting: SubscriptionSetting;
  gateway: string;
  /** Largest payload. */
  maxMessageBytes: number;
  ingest: Ingest;
  qos2: Qos2Window;
  /** Holds which filters the broker's session has. */
  state: StateTable;
  pressure: Pressure;
  /** Resolves when everything given to the log so far is on disk. */
  committed: () => Promise<void>;
  alarms: Alarms;
  metrics: Metrics;
  log: Logger;
  random?: () => number;
}

export interface SubscriptionStatus {
  name: string;
  url: string;
  /** `held`: connected, and waiting because nothing can be taken. */
  state: 'connecting' | 'subscribed' | 'held' | 'waiting' | 'stopped';
  messages: number;
  payloadBytes: number;
  /** Messages that can never be taken: too large. They were acknowledged. */
  refused: number;
  /** Taken and not acknowledged yet. */
  unacked: number;
  connections: number;
  lastError: string | null;
}

const BACKOFF = { minMs: 500, maxMs: 60_000 };
const PACKET_OVERHEAD_BYTES = 128 * 1024;
/** Granted QoS from here on means refused. */
const REFUSED = 0x80;
const filtersSchema = z.array(z.string());

/**
 * Takes messages from an existing broker into the log, and acknowledges each once it is on disk, with any number of them under way. What
 * the broker has no acknowledgement for it sends again: after a crash on either side QoS 1 is at least once; QoS 2 is
 * exactly once in a persistent session, for packet ids are stored with the messages.
 */
export class Subscription {
  readonly name: string;
  readonly #options: SubscriptionOptions;
  readonly #headers: ReturnType<typeof sourceHeaders>;
  readonly #messages: Counter;
  readonly #bytes: Counter;
  readonly #refused: Counter;
  readonly #connections: Counter;
  #connection: BrokerConnection | undefined;
  #state: SubscriptionStatus['state'] = 'connecting';
  #lastError: string | null = null;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: SubscriptionOptions) {
    const { setting, gateway, metrics, pressure } = options;
    this.#options = options;
    this.name = nameOf(setting);
    this.#headers = sourceHeaders(gateway, `subscription:${this.name}`);
    const labels = { subscription: this.name };
    const counter = (what: string, help: string) =>
      metrics.counter(`edgelog_subscription_${what}_total`, help, labels);
    this.#messages = counter('messages', 'Messages taken from an existing broker.');
    this.#bytes = counter('payload_bytes', 'Payload bytes taken from an existing broker.');
    this.#refused = counter('refused', 'Messages of an existing broker that were too large.');
    this.#connections = counter('connections', 'Connections to an existing broker.');
    metrics.gauge('edgelog_subscription_up', '1 while messages can come from the broker.', () => [
      { labels, value: this.#state === 'subscribed' ? 1 : 0 },
    ]);
    pressure.onRelief(() => this.#connection?.resume());
    this.#connect();
  }

  status(): SubscriptionStatus {
    return {
      name: this.name,
      url: this.#options.setting.url,
      state: this.#state,
      messages: this.#messages.value,
      payloadBytes: this.#bytes.value,
      refused: this.#refused.value,
      unacked: this.#connection?.unacked ?? 0,
      connections: this.#connections.value,
      lastError: this.#lastError,
    };
  }

  /** Takes nothing more; resolves when what was taken is acknowledged and the connection is closed. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#retry);
    await this.#connection?.close();
  }

  get #alarm(): string {
    return `subscription ${this.name}`;
  }

  #connect(): void {
    const { setting, gateway, maxMessageBytes, qos2, pressure, committed } = this.#options;
    this.#state = 'connecting';
    let client: MqttClient;
    try {
      const limits = { gateway, maxPacketBytes: maxMessageBytes + PACKET_OVERHEAD_BYTES };
      client = mqtt.connect(setting.url, clientOptions(setting, limits));
    } catch (error) {
      this.#onEnd(error as Error);
      return;
    }
    this.#connection = new BrokerConnection(client, {
      windowId: `\0subscription/${this.name}`,
      isPersistent: setting.persistent,
      qos2,
      committed,
      take: (message, alongside) => this.#take(message, alongside),
      isHeldUp: () => pressure.isHigh,
      onConnack: (isResumed) => {
        this.#connections.inc();
        client.once('connect', () => void this.#subscribe(client, isResumed));
      },
      onHeld: (error) => this.#onHeld(error),
      onEnd: (error) => this.#onEnd(error),
    });
  }

  /** What a resumed session has is not asked for again: the broker would send all retained messages again. */
  async #subscribe(client: MqttClient, isResumed: boolean): Promise<void> {
    const { setting, log } = this.#options;
    const wanted = filtersOf(setting);
    const had = isResumed ? this.#storedFilters() : [];
    const missing = wanted.filter((one) => !had.includes(`${setting.qos} ${one}`));
    const surplus = had.map((one) => one.slice(2)).filter((one) => !wanted.includes(one));
    try {
      if (surplus.length > 0) await client.unsubscribeAsync(surplus);
      if (missing.length > 0) {
        const granted = await client.subscribeAsync(missing, { qos: setting.qos });
        const refused = granted.filter(({ qos }) => (qos as number) >= REFUSED).map(({ topic }) => topic);
        if (refused.length > 0) throw new EdgelogError('REFUSED', `the broker refuses ${refused.join(', ')}`);
        this.#storeFilters(wanted.map((one) => `${setting.qos} ${one}`));
      }
    } catch (error) {
      this.#connection?.abort(error as Error);
      return;
    }
    if (this.#state !== 'connecting') return;
    this.#state = 'subscribed';
    this.#failures = 0;
    this.#lastError = null;
    this.#options.alarms.clear(this.#alarm);
    log.info('subscribed to a broker', { subscription: this.name, url: setting.url, isResumed });
  }

  #take({ topic, payload, properties }: Message, alongside?: () => void): Promise<void> {
    const { ingest, maxMessageBytes } = this.#options;
    const incoming = {
      kind: 'subscription' as const,
      name: topic,
      value: payload,
      headers: this.#headers,
      ...(properties !== undefined && { properties: headersOf(fromPacketProperties(properties)) }),
    };
    let durable: Promise<void>;
    try {
      if (payload.length > maxMessageBytes)
        throw new EdgelogError('LIMIT_EXCEEDED', `${payload.length} bytes`);
      ({ durable } = ingest.take(incoming, alongside));
    } catch (error) {
      if (!(error instanceof EdgelogError) || error.code !== 'LIMIT_EXCEEDED') throw error;
      return this.#refuse(topic, error.message);
    }
    this.#messages.inc();
    this.#bytes.inc(payload.length);
    return durable;
  }

  /** Acknowledged nevertheless: the broker would send it again for ever, and nothing behind it. */
  #refuse(topic: string, reason: string): Promise<void> {
    this.#refused.inc();
    const message = `a message on ${topic} is over the limit and was left out: ${reason}`;
    this.#options.alarms.raise(`${this.#alarm} refused`, message);
    return Promise.resolve();
  }

  #onHeld(error: EdgelogError | undefined): void {
    if (this.#state === 'stopped') return;
    this.#state = error === undefined ? 'subscribed' : 'held';
    if (error === undefined) this.#options.alarms.clear(this.#alarm);
    else this.#options.alarms.raise(this.#alarm, `waits, the broker keeps its messages: ${error.message}`);
  }

  #onEnd(error: Error | undefined): void {
    this.#connection = undefined;
    if (this.#state === 'stopped') return;
    this.#state = 'waiting';
    this.#lastError = describe(error);
    const { alarms, setting, random = Math.random } = this.#options;
    alarms.raise(this.#alarm, `${setting.url}: ${this.#lastError}`);
    this.#retry = setTimeout(() => this.#connect(), backoffMs(this.#failures++, BACKOFF, random()));
  }

  get #stateKey(): string {
    return `subscription/${this.name}`;
  }

  #storedFilters(): string[] {
    const stored = this.#options.state.get(this.#stateKey);
    const parsed = stored && filtersSchema.safeParse(parseJson(stored));
    return parsed?.success ? parsed.data : [];
  }

  /** In the next commit: at worst they are asked for once more. */
  #storeFilters(filters: readonly string[]): void {
    this.#options.state.put(this.#stateKey, Buffer.from(JSON.stringify(filters)));
  }
}

/** mqtt.js reports a refused connection to several addresses without a message. */
function describe(error: Error | undefined): string {
  if (error === undefined) return 'the connection was closed';
  const inner = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.message || (inner instanceof Error ? inner.message : error.name);
}
