import type { Duplex } from 'node:stream';
import type { Aedes, Client } from 'aedes';
import mqtt, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { FilterTree } from './persistence/filters.ts';
import type { Forwarded, LocalClient } from './persistence/local-client.ts';
import { Reason } from './protocol.ts';
import { sizeOf } from './subscribers.ts';

export interface CleanDeliveryOptions {
  /** False: this client may not have the message, or cannot take it now; it has been counted. */
  mayReceive: (client: Client, packet: Forwarded) => boolean;
  /** A retained message that has been replaced since it was read: the client got its successor. */
  isReplaced: (packet: Forwarded) => boolean;
  /** There was no room for a message that waits for acknowledgements. */
  onDrop: (clientId: string) => void;
}

/** A subscription as aedes 2.0.0-beta.1 keeps it with its client. */
interface Subscription {
  qos: 0 | 1 | 2;
  nl?: boolean;
  /** Its identifier (MQTT 5). */
  si?: number;
}

/** What is used of a client of aedes beyond its published type. */
interface Subscriber extends LocalClient {
  subscriptions: Record<string, Subscription>;
  receiveMaximum: number;
  _parser: { on(event: 'packet', listener: (packet: Packet) => void): void };
  waitForDrain(done: () => void): void;
}

/** A message by one of the subscriptions that match it: in aedes, `nl` is that subscription's. */
type Delivered = Forwarded & { brokerCounter?: number; nl?: boolean };
type Done = () => void;

/** What waits for acknowledgements of one client; each of these is more than a client that answers needs. */
const WAITING_MAX = 10_000;
const WAITING_BYTES_MAX = 1024 * 1024;
/** A retained message waits beyond, since it holds up those that are read after it; but each SUBSCRIBE reads its own. */
const WAITING_RETAINED_BYTES_MAX = 16 * 1024 * 1024;
const PACKET_IDS = 65_535;

/** Has clients with a clean session served by `CleanDelivery`. */
export function serveCleanSessions(broker: Aedes, options: CleanDeliveryOptions): void {
  const deliveries = new WeakMap<Client, CleanDelivery>();
  broker.on('client', (client) => {
    if (client.clean) deliveries.set(client, new CleanDelivery(client as Subscriber, options));
  });
  const onChange = (_: unknown, client: Client) => deliveries.get(client)?.forgetSubscriptions();
  broker.on('subscribe', onChange).on('unsubscribe', onChange);
}

/**
 * Sends a client with a clean session what it has subscribed to. A message that several of its subscriptions match comes once, by the highest
 * QoS of them and with the identifiers of all [MQTT-3.3.5-1] [MQTT5-3.3.4-4], no more are in flight than its Receive Maximum
 * [MQTT5-3.3.4-9], and what is beyond waits in bounds. aedes takes the first subscription that matches and sends what comes.
 */
class CleanDelivery {
  readonly #client: Subscriber;
  readonly #options: CleanDeliveryOptions;
  readonly #inFlight = new Set<number>();
  readonly #waiting: { packet: IPublishPacket; bytes: number; done: Done }[] = [];
  #waitingBytes = 0;
  #lastPacketId = 0;
  #lastId = '';
  /** Of the subscriptions, where there are several. */
  #tree: FilterTree<Subscription> | undefined;

  constructor(client: Subscriber, options: CleanDeliveryOptions) {
    this.#client = client;
    this.#options = options;
    client.deliver0 = (packet, done) => this.#deliver(packet, done);
    client.deliverQoS = (packet, done) => this.#deliver(packet, done);
    client._parser.on('packet', (packet) => this.#answered(packet));
  }

  forgetSubscriptions(): void {
    this.#tree = undefined;
  }

  #deliver(packet: Delivered, done: Done): void {
    // What a SUBSCRIBE asked for has no broker.
    const isRetained = packet.brokerId === null;
    const sent = (isRetained ? this.#options.isReplaced(packet) : this.#isRepeat(packet))
      ? undefined
      : this.#packetFor(packet, isRetained);
    if (sent === undefined || !this.#options.mayReceive(this.#client, sent)) done();
    else if (sent.qos === 0 || this.#hasRoom) this.#send(sent, done);
    else this.#wait(sent, isRetained, done);
  }

  /** Each subscription that matches brings the message, in the same turn. */
  #isRepeat({ brokerId, brokerCounter }: Delivered): boolean {
    const id = `${brokerId} ${brokerCounter}`;
    if (this.#lastId === id) return true;
    this.#lastId = id;
    return false;
  }

  /** Undefined for the client's own message that it does not want back. */
  #packetFor(packet: Delivered, isRetained: boolean): Forwarded | undefined {
    const { topic, payload, retain, properties } = packet;
    const matching = this.#matching(topic);
    const isUnwanted = matching.length === 0 ? packet.nl : matching.every(({ nl }) => nl);
    if (isUnwanted && packet.clientId === this.#client.id) return undefined;
    const granted = matching.length === 0 ? 2 : Math.max(...matching.map(({ qos }) => qos));
    const sent: Forwarded = {
      cmd: 'publish',
      topic,
      payload,
      retain,
      dup: false,
      qos: Math.min(packet.qos, granted) as 0 | 1 | 2,
    };
    const ids = isRetained ? [] : matching.flatMap(({ si }) => si ?? []);
    if (ids.length > 1) sent.properties = { ...properties, subscriptionIdentifier: ids };
    else if (properties !== undefined) sent.properties = properties;
    return sent;
  }

  #matching(topic: string): readonly Subscription[] {
    const { subscriptions } = this.#client;
    if (this.#tree === undefined) {
      this.#tree = new FilterTree();
      for (const [filter, one] of Object.entries(subscriptions)) this.#tree.set(filter, filter, one);
    }
    return this.#tree.match(topic);
  }

  get #hasRoom(): boolean {
    return this.#inFlight.size < Math.min(this.#client.receiveMaximum, PACKET_IDS);
  }

  #wait(packet: Forwarded, isRetained: boolean, done: Done): void {
    const bytes = sizeOf(packet);
    const hasBytes = isRetained
      ? this.#waitingBytes < WAITING_RETAINED_BYTES_MAX
      : this.#waitingBytes + bytes <= WAITING_BYTES_MAX;
    if (!hasBytes || this.#waiting.length >= WAITING_MAX) {
      this.#options.onDrop(this.#client.id);
      done();
      return;
    }
    this.#waitingBytes += bytes;
    // A view would keep all that came in the same read.
    const kept = { ...packet, payload: Buffer.from(packet.payload) };
    if (isRetained) this.#waiting.push({ packet: kept, bytes, done });
    else {
      this.#waiting.push({ packet: kept, bytes, done: () => {} });
      done();
    }
  }

  #answered(packet: Packet): void {
    const { cmd, messageId } = packet;
    const isRefused = cmd === 'pubrec' && (packet.reasonCode ?? 0) >= Reason.UNSPECIFIED;
    if (cmd !== 'puback' && cmd !== 'pubcomp' && !isRefused) return;
    if (!this.#inFlight.delete(messageId!)) return;
    while (this.#hasRoom) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#waitingBytes -= next.bytes;
      this.#send(next.packet, next.done);
    }
  }

  #send(packet: IPublishPacket, done: Done): void {
    const client = this.#client;
    if (client.closed || !client.connected) {
      done();
      return;
    }
    if (packet.qos !== 0) packet.messageId = this.#newId();
    const { version: protocolVersion } = client;
    if (mqtt.writeToStream(packet, client.conn as Duplex, { protocolVersion })) setImmediate(done);
    else client.waitForDrain(() => done());
  }

  #newId(): number {
    do this.#lastPacketId = (this.#lastPacketId % PACKET_IDS) + 1;
    while (this.#inFlight.has(this.#lastPacketId));
    this.#inFlight.add(this.#lastPacketId);
    return this.#lastPacketId;
  }
}
