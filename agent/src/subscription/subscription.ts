import { EdgelogError } from '@edgelog/base';
import { type Alarms, type Pressure, sourceHeaders } from '@edgelog/edge';
import type { StateTable } from '@edgelog/log';
import type { Counter, Logger, Metrics } from '@edgelog/runtime';
import type { RecordHeader } from '@edgelog/wire';
import mqtt, { type MqttClient } from 'mqtt';
import type { Ingest } from '../ingest/index.ts';
import { fromPacketProperties, headersOf } from '../mqtt/message-properties.ts';
import type { Qos2Window } from '../mqtt/qos2.ts';
import { Attempts, STEADY_MS } from './attempts.ts';
import { clientIdOf, clientOptions } from './client-options.ts';
import { BrokerConnection, type Message } from './connection.ts';
import { describe } from './describe.ts';
import { SessionFilters } from './session-filters.ts';
import { nameOf, type SubscriptionSetting } from './setting.ts';

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

const PACKET_OVERHEAD_BYTES = 128 * 1024;
/** What the broker had kept of before the subscription: a state, of whatever age. */
const RETAINED: RecordHeader[] = [{ key: 'mqtt.retained', value: Buffer.from('1') }];
/** How often the broker is asked again for filters it refused. */
const ASK_AGAIN_MS = 60_000;

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
  #firstRefused: string | undefined;
  readonly #connections: Counter;
  #connection: BrokerConnection | undefined;
  #state: SubscriptionStatus['state'] = 'connecting';
  #lastError: string | null = null;
  readonly #attempts = new Attempts();
  readonly #filters: SessionFilters;
  #retry: NodeJS.Timeout | undefined;
  #askAgain: NodeJS.Timeout | undefined;
  #steady: NodeJS.Timeout | undefined;

  constructor(options: SubscriptionOptions) {
    const { setting, gateway, metrics, pressure } = options;
    this.#options = options;
    this.name = nameOf(setting);
    this.#filters = new SessionFilters(setting, options.state);
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
    this.#clearTimers();
    await this.#connection?.close();
  }

  get #alarm(): string {
    return `subscription ${this.name}`;
  }

  get #filtersAlarm(): string {
    return `${this.#alarm} filters`;
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
    this.#connection.open();
  }

  async #subscribe(client: MqttClient, isResumed: boolean): Promise<void> {
    const connection = this.#connection;
    try {
      await this.#askForFilters(client, isResumed);
    } catch (error) {
      connection?.abort(error as Error);
      return;
    }
    if (this.#connection !== connection || this.#state === 'stopped') return;
    if (this.#state === 'connecting') this.#state = 'subscribed';
    this.#attempts.stands(performance.now());
    this.#steady = setTimeout(() => this.#settle(), STEADY_MS);
    if (!this.#attempts.isQuarrel) this.#settle();
    const { setting, log } = this.#options;
    log.info('subscribed to a broker', { subscription: this.name, url: setting.url, isResumed });
  }

  /** Throws REFUSED where the broker grants none. */
  async #askForFilters(client: MqttClient, isResumed: boolean): Promise<void> {
    const { alarms, setting } = this.#options;
    const refusals = await this.#filters.bringInLine(client, isResumed);
    if (this.#state === 'stopped') return;
    if (refusals.length === 0) {
      alarms.clear(this.#filtersAlarm);
      return;
    }
    const named = refusals.map(({ filter, why }) => `${filter} (${why})`).join(', ');
    const message = `the broker refuses the filter ${named}`;
    if (refusals.length === setting.filters.length) throw new EdgelogError('REFUSED', message);
    alarms.raise(
      this.#filtersAlarm,
      `${setting.url}: ${message}; it is asked again every minute, the others stand`,
    );
    this.#askAgain = setTimeout(() => {
      const connection = this.#connection;
      this.#askForFilters(client, true).catch((error: Error) => connection?.abort(error));
    }, ASK_AGAIN_MS);
  }

  #settle(): void {
    this.#lastError = null;
    if (this.#state === 'subscribed') this.#options.alarms.clear(this.#alarm);
  }

  #clearTimers(): void {
    clearTimeout(this.#askAgain);
    clearTimeout(this.#steady);
  }

  #take(message: Message, alongside?: () => void): Promise<void> {
    const { topic, payload } = message;
    const properties = ownHeaders(message);
    const { ingest, maxMessageBytes } = this.#options;
    const incoming = {
      kind: 'subscription' as const,
      name: topic,
      value: payload,
      headers: this.#headers,
      ...(properties !== undefined && { properties }),
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
    // Each other message of an alarm is a line in the log.
    this.#firstRefused ??= `messages such as one on ${topic} are over the limit and were left out: ${reason}`;
    this.#options.alarms.raise(`${this.#alarm} refused`, this.#firstRefused, 'events');
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
    this.#clearTimers();
    if (this.#state === 'stopped') return;
    this.#state = 'waiting';
    this.#attempts.ended(performance.now());
    this.#lastError = `${describe(error)}${this.#suspicion()}`;
    const { alarms, setting, random = Math.random } = this.#options;
    alarms.raise(this.#alarm, `${setting.url}: ${this.#lastError}`);
    this.#retry = setTimeout(() => this.#connect(), this.#attempts.delayMs(random()));
  }

  #suspicion(): string {
    const { isQuarrel, shortOnes } = this.#attempts;
    if (!isQuarrel) return '';
    const clientId = clientIdOf(this.#options.setting, this.#options.gateway);
    return `; ${shortOnes} connections in a row did not stand for long: does another client have the client id ${JSON.stringify(clientId)}?`;
  }
}

function ownHeaders({ properties, isRetained }: Message): RecordHeader[] | undefined {
  if (properties === undefined) return isRetained ? RETAINED : undefined;
  return [...headersOf(fromPacketProperties(properties)), ...(isRetained ? RETAINED : [])];
}
