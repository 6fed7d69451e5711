import { Readable } from 'node:stream';
import { assert } from '@edgelog/base';
import type { PublishPacket } from 'aedes';
import { atOnce } from './at-once.ts';
import { Delivery } from './delivery.ts';
import type { Forwarded, LocalBroker, LocalClient } from './local-client.ts';
import type { Message } from './message.ts';
import type { Owner } from './owner.ts';
import type { RetainedMessages } from './retained.ts';
import type { OwnedSubscription, Sessions, Subscription } from './sessions.ts';
import type { Table } from './table.ts';
import type { Wills } from './wills.ts';

export interface PersistenceOptions {
  table: Table;
  sessions: Sessions;
  retained: RetainedMessages;
  wills: Wills;
  /** There was no room to queue a message. */
  onDrop: (clientId: string) => void;
  /** Clients of before the start get this long to come back before their wills are published. */
  willGraceMs: number;
  /** Who has connected; undefined where nobody was asked. */
  ownerOf: (client: LocalClient) => Owner | undefined;
  now: () => number;
}

type Named = { id: string };

/** Sessions; beyond, the one that has been away the longest ends. */
const SESSIONS_MAX = 10_000;
/** A retained message that is larger is read when its subscriber takes it. */
const READ_AHEAD_BYTES_MAX = 4096;
/** aedes takes a session without subscriptions for none; this one matches nothing that may be published. */
const NO_SUBSCRIPTION: Subscription = { topic: '$edgelog/session', qos: 0 };
const SWEEP_MS = 60_000;
/** For wills that are being published when the agent ends; one that is not through comes again after the next start. */
const WILLS_GRACE_MS = 5000;

/**
 * What aedes 2.0.0-beta.1 keeps its sessions in (the interface of aedes-persistence 10). Two things are not as aedes has them by
 * itself: messages with QoS above 0 reach a persistent session from its queue alone, connected or not, so that order, packet
 * ids and the number in flight are right; and a publisher's acknowledgement waits for the commit that holds what it
 * retained or queued, but the message's way to subscribers does not.
 */
export class Persistence {
  readonly #options: PersistenceOptions;
  readonly #clients = new Map<string, LocalClient>();
  readonly #deliveries = new Map<string, Delivery>();
  /** By client: how far a queue was sent on a connection that ended. */
  readonly #sentBefore = new Map<string, number>();
  #broker: LocalBroker | undefined;
  /** What aedes is about to store: it names all filters of a SUBSCRIBE for each one that was granted, those that were refused too. */
  #granted: Subscription | undefined;
  /** Clients whose wills are being published; aedes deletes each when it is through. */
  readonly #wills = new Set<string>();
  #onWillsPublished: () => void = () => {};
  #timers: NodeJS.Timeout[] = [];

  constructor(options: PersistenceOptions) {
    this.#options = options;
    for (const { clientId, queue } of options.sessions.list())
      this.#sentBefore.set(clientId, queue.flushedSeq);
  }

  /** aedes gives itself when it starts. */
  async setup(broker: LocalBroker): Promise<void> {
    this.#broker = broker;
    const { preConnect, published, authorizeSubscribe, publishWill } = broker;
    broker.publishWill = (client, will) => {
      this.#wills.add(client.id);
      publishWill.call(broker, client, asMessage(will));
    };
    broker.preConnect = (client, packet, done) => {
      this.#takeOver(client);
      preConnect.call(broker, client, packet, done);
    };
    broker.authorizeSubscribe = (client, wanted, done) =>
      authorizeSubscribe.call(broker, client, wanted, (error, granted) => {
        this.#granted = granted ?? undefined;
        done(error, granted);
      });
    broker.published = (packet, client, done) => {
      const next = () => published.call(broker, packet, client, done);
      if (packet.qos === 0) next();
      else void this.#options.table.commit().then(next);
    };
    broker.on('clientReady', (client) => this.#connected(client));
    broker.on('clientDisconnect', (client) => this.#left(client));
    this.#timers = [
      setTimeout(() => this.#publishWills(), this.#options.willGraceMs).unref(),
      setInterval(() => this.expire(), SWEEP_MS).unref(),
    ];
  }

  /** Messages sent to a session and not acknowledged; undefined while it is not connected. */
  inFlight(clientId: string): number | undefined {
    return this.#deliveries.get(clientId)?.inFlight;
  }

  /** Ends the sessions whose time is over. */
  expire(): void {
    for (const id of this.#options.sessions.expired()) void this.cleanSubscriptions({ id });
  }

  /** A flush of the session's queue. */
  flushed(clientId: string): void {
    this.#deliveries.get(clientId)?.pump();
  }

  storeRetained(packet: Forwarded): PromiseLike<void> {
    this.#options.retained.store(messageOf(packet));
    return atOnce(undefined);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.#retainedPackets(filters), { objectMode: true });
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  /** Resolves when the subscriptions are on disk. */
  async addSubscriptions(client: Named, subscriptions: readonly Subscription[]): Promise<void> {
    const { sessions, table } = this.#options;
    sessions.subscribe(client.id, this.#granted === undefined ? subscriptions : [this.#granted]);
    this.#granted = undefined;
    // The others of the same SUBSCRIBE come in this turn.
    await undefined;
    sessions.saveSubscriptions();
    await table.commit();
  }

  async removeSubscriptions(client: Named, topics: readonly string[]): Promise<void> {
    this.#options.sessions.unsubscribe(client.id, topics);
    await this.#options.table.commit();
  }

  /** Ends the session: its subscriptions, and what is queued for it. */
  async cleanSubscriptions(client: Named): Promise<void> {
    if (this.#options.sessions.get(client.id) === undefined) return;
    this.#forget(client.id);
    this.#options.sessions.end(client.id);
    await this.#options.table.commit();
  }

  async subscriptionsByClient(client: Named): Promise<Subscription[]> {
    const session = this.#options.sessions.get(client.id);
    if (session === undefined) return [];
    return session.subscriptions.size === 0 ? [NO_SUBSCRIPTION] : [...session.subscriptions.values()];
  }

  /** Those with QoS above 0, one for a client. */
  subscriptionsByTopic(topic: string): PromiseLike<OwnedSubscription[]> {
    return atOnce(this.#options.sessions.matching(topic));
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    const { sessions } = this.#options;
    return { subsCount: sessions.subscriptionCount, clientsCount: sessions.size };
  }

  getClientList(topic: string): Readable {
    const ids = [...this.#options.sessions.list()]
      .filter(({ subscriptions }) => subscriptions.has(topic))
      .map(({ clientId }) => clientId);
    return Readable.from(ids);
  }

  /** Queues a message for sessions that `subscriptionsByTopic` named. */
  outgoingEnqueueCombi(subscriptions: readonly OwnedSubscription[], packet: Forwarded): PromiseLike<void> {
    for (const one of subscriptions) {
      // Who published is known when the packet is on its way, later in this turn.
      if (one.nl) queueMicrotask(() => packet.clientId !== one.clientId && this.#enqueue(one, packet));
      else this.#enqueue(one, packet);
    }
    return atOnce(undefined);
  }

  outgoingEnqueue(subscription: OwnedSubscription, packet: Forwarded): PromiseLike<void> {
    return this.outgoingEnqueueCombi([subscription], packet);
  }

  /** PUBREC from a subscriber: resolves when PUBREL may be sent. */
  async outgoingUpdate(client: Named, packet: { messageId: number }): Promise<void> {
    await this.#deliveries.get(client.id)?.released(packet.messageId);
  }

  /** PUBACK or PUBCOMP from a subscriber. */
  async outgoingClearMessageId(client: Named, packet: { messageId: number }): Promise<void> {
    this.#deliveries.get(client.id)?.acknowledged(packet.messageId);
  }

  /** aedes finds nothing to send by itself: `Delivery` does it. */
  outgoingStream(): Readable {
    return Readable.from([]);
  }

  /** Resolves when the will is on disk [MQTT-3.1.2-8]. */
  async putWill(client: LocalClient, packet: Forwarded & { brokerId: string }): Promise<void> {
    assert(this.#broker !== undefined, 'a will before the broker');
    packet.brokerId = this.#broker.id;
    packet.clientId = client.id;
    const { wills, ownerOf } = this.#options;
    const owner = ownerOf(client);
    wills.put({
      ...messageOf(packet),
      clientId: client.id,
      brokerId: this.#broker.id,
      ...(owner !== undefined && { owner }),
    });
    await this.#options.table.commit();
  }

  async getWill(client: Named): Promise<object | undefined> {
    const will = this.#options.wills.get(client.id);
    return will && willPacket(will);
  }

  async delWill(client: Named): Promise<object | undefined> {
    const will = this.#options.wills.get(client.id);
    if (will !== undefined) this.#options.wills.remove(client.id);
    this.#wills.delete(client.id);
    if (this.#wills.size === 0) this.#onWillsPublished();
    return will && willPacket(will);
  }

  /** Wills of brokers that are not among those given: of runs before this one. */
  streamWill(brokers: Record<string, unknown> = {}): Readable {
    const left = [...this.#options.wills.list()].filter(({ brokerId }) => brokers[brokerId!] === undefined);
    return Readable.from(left.map(willPacket));
  }

  /** Resolves when no will is on its way any more, or after a grace. */
  willsPublished(): Promise<void> {
    if (this.#wills.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const grace = setTimeout(resolve, WILLS_GRACE_MS);
      this.#onWillsPublished = () => {
        clearTimeout(grace);
        resolve();
      };
    });
  }

  async destroy(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const delivery of this.#deliveries.values()) delivery.stop();
  }

  /** Delivery with QoS above 0 goes through the queue where there is one. */
  #takeOver(client: LocalClient): void {
    const { deliverQoS } = client;
    client.deliverQoS = (packet, done) => {
      // Read for a SUBSCRIBE, and replaced meanwhile: its successor is on its way, or has come.
      if (packet.brokerId === null && !this.#options.retained.has(messageOf(packet))) done();
      else if (client.clean || packet.qos === 0) deliverQoS.call(client, packet, done);
      else if (packet.brokerId === null) this.#deliverRetained(client, packet, done);
      else done();
    };
  }

  /** A retained message for a SUBSCRIBE: the next one is fetched when the queue is short. */
  #deliverRetained(client: LocalClient, packet: Forwarded, done: () => void): void {
    const own = this.#options.sessions.matching(packet.topic).find(({ clientId }) => clientId === client.id);
    if (own === undefined) {
      client.deliver0(packet, done);
      return;
    }
    const { subscriptionIdentifier: _, ...to } = own;
    this.#enqueue({ ...to, rap: true }, packet);
    const delivery = this.#deliveries.get(client.id);
    if (delivery === undefined) done();
    else delivery.whenShort(done);
  }

  #enqueue(to: OwnedSubscription, packet: Forwarded): void {
    const session = this.#options.sessions.get(to.clientId);
    if (session === undefined) return;
    const message = messageOf(packet);
    message.qos = Math.min(message.qos, to.qos) as 0 | 1 | 2;
    if (!to.rap) message.retain = false;
    if (to.subscriptionIdentifier !== undefined) {
      message.properties = { ...message.properties, subscriptionIdentifier: to.subscriptionIdentifier };
    }
    if (session.queue.push(message)) return;
    session.dropped++;
    this.#options.onDrop(to.clientId);
  }

  #connected(client: LocalClient): void {
    if (client.clean || client.closed) return;
    const { sessions, now, ownerOf } = this.#options;
    if (sessions.get(client.id) === undefined && sessions.size >= SESSIONS_MAX) {
      const id = sessions.longestAway();
      if (id !== undefined) void this.cleanSubscriptions({ id });
    }
    const { queue } = sessions.connected(client.id, expiryOf(client), ownerOf(client));
    this.#stop(client.id);
    this.#clients.set(client.id, client);
    const delivery = new Delivery({
      client,
      queue,
      mayBeSentBefore: this.#sentBefore.get(client.id) ?? 0,
      mayReceive: (packet) => Boolean(this.#broker?.authorizeForward(client, packet)),
      now,
    });
    this.#deliveries.set(client.id, delivery);
    delivery.pump();
  }

  #left(client: LocalClient): void {
    if (this.#clients.get(client.id) !== client) return;
    this.#clients.delete(client.id);
    this.#stop(client.id);
    this.#options.sessions.left(client.id, expiryOf(client));
  }

  #stop(clientId: string): void {
    const delivery = this.#deliveries.get(clientId);
    if (delivery === undefined) return;
    delivery.stop();
    this.#deliveries.delete(clientId);
    this.#sentBefore.set(clientId, Math.max(delivery.sentSeq, this.#sentBefore.get(clientId) ?? 0));
  }

  #forget(clientId: string): void {
    this.#stop(clientId);
    this.#sentBefore.delete(clientId);
  }

  /** Wills that an earlier run took and could not publish; who came back meanwhile has another will, or none. */
  #publishWills(): void {
    const broker = this.#broker;
    if (broker === undefined || broker.closed) return;
    for (const will of this.#options.wills.list()) {
      if (will.brokerId !== broker.id) broker.publishWill({ id: will.clientId! }, willPacket(will));
    }
  }

  async *#retainedPackets(filters: readonly string[]): AsyncGenerator<object> {
    const { retained } = this.#options;
    for await (const { expiry, payload, ...message } of retained.matching(filters)) {
      const { topic } = message;
      const packet = {
        cmd: 'publish',
        dup: false,
        ...message,
        ...(expiry !== undefined && { messageExpiry: expiry }),
      };
      // aedes' stream keeps sixteen for a subscriber that takes none.
      yield payload.length <= READ_AHEAD_BYTES_MAX
        ? { ...packet, payload }
        : Object.defineProperty(packet, 'payload', { get: () => retained.payloadOf(topic) });
    }
  }
}

function messageOf(packet: Forwarded): Message {
  const { topic, payload, qos = 0, retain = false, properties, messageExpiry } = packet;
  const message: Message = {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos,
    retain,
  };
  if (properties !== undefined) message.properties = properties;
  if (messageExpiry !== undefined) message.expiry = messageExpiry;
  return message;
}

type Will = Pick<PublishPacket, 'properties'>;

/** A will without its delay: a message that has one is malformed, and ends the connection of a subscriber who looks. */
function asMessage({ properties, ...will }: Will): Will {
  const { willDelayInterval: _, ...others } = (properties ?? {}) as { willDelayInterval?: number };
  return Object.keys(others).length === 0 ? will : { ...will, properties: others };
}

function willPacket({ expiry: _, owner: __, ...will }: Message): object {
  return { cmd: 'publish', dup: false, ...will };
}

/** What a client of MQTT 5 asked for, s. */
function expiryOf(client: LocalClient): number | undefined {
  return client.version === 5 ? client.sessionExpiryInterval : undefined;
}
