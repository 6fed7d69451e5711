import { randomUUID } from 'node:crypto';
import type { Aedes, Client, PublishPacket } from 'aedes';

type Listener = (packet: PublishPacket, done: () => void) => void;

/** What is used of aedes 2.0.0-beta.1 beyond its published types; README.md says why, and which test would break. */
interface AedesInternals {
  persistence: Persistence;
  mq: {
    emit(packet: object, done?: () => void): unknown;
    on(filter: string, listener: Listener, done?: () => void): unknown;
    removeListener(filter: string, listener: Listener, done?: () => void): unknown;
  };
  /** Retains, queues for persistent sessions, and hands to subscribers; with the publisher, so that no-local works. */
  publish(packet: PublishPacket, client: Client, done: (error?: Error | null) => void): void;
}

export interface StoredClient {
  id: string;
}
export interface StoredPacket {
  cmd: string;
  messageId?: number;
  payload?: Buffer;
}
export interface RetainedPacket extends StoredPacket {
  topic: string;
  payload: Buffer;
}
export interface Subscriber {
  clientId: string;
}

/** The part of aedes' persistence that is watched or bounded here. */
interface Persistence {
  addSubscriptions(client: StoredClient, subscriptions: unknown): Promise<void>;
  removeSubscriptions(client: StoredClient, filters: unknown): Promise<void>;
  cleanSubscriptions(client: StoredClient): Promise<void>;
  subscriptionsByTopic(topic: string): Promise<readonly object[]>;
  storeRetained(packet: RetainedPacket): Promise<void>;
  outgoingEnqueueCombi(subscribers: Subscriber[], packet: StoredPacket): Promise<void>;
  outgoingEnqueue(subscriber: Subscriber, packet: StoredPacket): Promise<void>;
  outgoingClearMessageId(client: StoredClient, packet: StoredPacket): Promise<StoredPacket | undefined>;
}

export function internalsOf(broker: Aedes): AedesInternals {
  return broker as unknown as AedesInternals;
}

/** True once CONNACK has been written: from then on aedes deals with what a client sends. */
export function isGreeted(client: Client): boolean {
  return (client as unknown as { connackSent: boolean }).connackSent;
}

/** True while CONNACK has been written, the client is not being closed and all packets that aedes has read are dealt with. */
export function isAtRest(client: Client): boolean {
  const { connackSent, closed, _parsingBatch } = client as unknown as {
    connackSent: boolean;
    closed: boolean;
    _parsingBatch: number;
  };
  return connackSent && !closed && _parsingBatch === 0;
}

/** Whether the client wants to read why something was refused [MQTT5-3.1.2.11.7]. */
export function wantsReasons(client: Client): boolean {
  return (client as unknown as { _requestProblemInformation: boolean })._requestProblemInformation;
}

/** Gives a client that has named itself nothing an id that says so; to be called before its session is looked up. */
export function nameUnnamed(client: Client): void {
  const named = client as unknown as { id: string; _assignedClientId: string | undefined };
  if (named._assignedClientId === undefined) return;
  named.id = `auto-${randomUUID()}`;
  named._assignedClientId = named.id;
}

/** Of a client whose will an earlier run took, aedes hands on the id alone. */
export function isOfEarlierRun(client: Client): boolean {
  return !('conn' in client);
}

/**
 * To be called before the first client. aedes looks clients up by an id of their choosing, in an object that has a `constructor` from
 * birth: who was called so ended the process.
 */
export function forgetInheritedClients(broker: Aedes): void {
  (broker as unknown as { clients: object }).clients = Object.create(null);
}

/** The same for the topic filters of a client, before its first SUBSCRIBE. */
export function forgetInheritedSubscriptions(client: Client): void {
  (client as unknown as { subscriptions: object }).subscriptions = Object.create(null);
}

/** Who is connected under this client id. */
export function clientNamed(broker: Aedes, clientId: string): Client | undefined {
  const { clients } = broker as unknown as { clients: Readonly<Record<string, Client>> };
  return clients[clientId];
}
