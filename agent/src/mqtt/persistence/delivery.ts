import type { Duplex } from 'node:stream';
import type { Client, PublishPacket } from 'aedes';
import mqtt, { type IPublishPacket } from 'mqtt-packet';
import { type Message, propertiesNow } from './message.ts';
import { packetIdOf, type Queued, SEQ_SPAN_MAX, type SessionQueue } from './session-queue.ts';

/** Messages sent and not acknowledged; fewer where the client says so (MQTT 5, Receive Maximum). */
const WINDOW_MESSAGES = 100;
/** Read at a time. */
const READ_MESSAGES = 32;
const READ_BYTES = 256 * 1024;
/** Pages in one turn of the event loop: what has expired is passed over without anybody to wait for. */
const PAGES_A_TURN = 8;
/** Bytes in the socket from which on a subscriber is waited for. */
const SOCKET_BYTES = 256 * 1024;
const PUBLISH_HEADER_BYTES = 5;

export interface DeliveryOptions {
  client: Client;
  queue: SessionQueue;
  /** Messages before this one may have been sent before: they are marked so. */
  mayBeSentBefore: number;
  /** False: this client may not have the message, and never will. */
  mayReceive: (packet: PublishPacket) => boolean;
  now: () => number;
}

type InFlight = Pick<Queued, 'seq' | 'sizeBytes'>;

/**
 * Sends a connected persistent session what is queued for it, in order, a window at a time, at the pace of its socket and
 * its acknowledgements. Nothing of the queue is in memory but what is in flight, and of that only its place.
 */
export class Delivery {
  readonly client: Client;
  readonly #options: DeliveryOptions;
  readonly #window: number;
  readonly #inFlight = new Map<number, InFlight>();
  readonly #onRoom: (() => void)[] = [];
  #cursor = 0;
  #isStopped = false;
  #isWaiting = false;

  constructor(options: DeliveryOptions) {
    this.client = options.client;
    this.#options = options;
    this.#window = Math.min(WINDOW_MESSAGES, options.client.receiveMaximum || WINDOW_MESSAGES);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** One past the newest message that was sent. */
  get sentSeq(): number {
    return this.#cursor;
  }

  /** Sends what may be sent; to be called when anything was queued. */
  pump(): void {
    if (this.#isStopped || this.#isWaiting) return;
    const { queue } = this.#options;
    const conn = this.client.conn as Duplex;
    let pages = 0;
    while (this.#cursor < queue.flushedSeq && this.#inFlight.size < this.#window) {
      if (conn.writableLength > SOCKET_BYTES) {
        this.#awaitDrain(conn);
        return;
      }
      if (pages++ === PAGES_A_TURN) {
        this.#goOnLater();
        return;
      }
      const page = queue.read(this.#cursor, this.#pageMessages());
      if (page.length === 0) {
        this.#cursor = queue.flushedSeq;
        return;
      }
      for (const queued of page) {
        const oldest = this.#inFlight.values().next().value?.seq ?? queued.seq;
        if (queued.seq - oldest > SEQ_SPAN_MAX) return;
        this.#cursor = queued.seq + 1;
        this.#send(queued);
        if (this.#isStopped) return;
      }
    }
  }

  /** PUBACK, PUBCOMP, or a PUBREC that refuses. */
  acknowledged(packetId: number): void {
    const sent = this.#inFlight.get(packetId);
    if (sent === undefined) return;
    this.#inFlight.delete(packetId);
    this.#options.queue.remove(sent);
    for (const resume of this.#onRoom.splice(0)) resume();
    this.pump();
  }

  /** PUBREC: resolves when PUBREL may be sent. */
  released(packetId: number): Promise<void> {
    const sent = this.#inFlight.get(packetId);
    return sent === undefined ? Promise.resolve() : this.#options.queue.release(sent);
  }

  /** Calls back when the queue is short: what is read from elsewhere is not queued faster than it is taken. */
  whenShort(proceed: () => void): void {
    if (this.#isStopped || this.#options.queue.messages < this.#window) proceed();
    else this.#onRoom.push(proceed);
  }

  stop(): void {
    this.#isStopped = true;
    for (const resume of this.#onRoom.splice(0)) resume();
  }

  #pageMessages(): number {
    const { messages, bytes } = this.#options.queue;
    const fitting = Math.floor((READ_BYTES * messages) / Math.max(1, bytes));
    return Math.max(1, Math.min(READ_MESSAGES, this.#window - this.#inFlight.size, fitting));
  }

  #send(queued: Queued): void {
    const messageId = packetIdOf(queued.seq);
    const { seq, sizeBytes, message } = queued;
    if (message === undefined) {
      this.#inFlight.set(messageId, { seq, sizeBytes });
      this.#write({ cmd: 'pubrel', messageId });
      return;
    }
    const packet = this.#packetOf(message, messageId, seq);
    if (packet === undefined) {
      this.#options.queue.remove(queued);
      return;
    }
    this.#inFlight.set(messageId, { seq, sizeBytes });
    this.#write(packet);
  }

  /** Undefined for what has expired, is too large for this client, or must not reach it. */
  #packetOf(message: Message, messageId: number, seq: number): PublishPacket | undefined {
    const { now, mayBeSentBefore, mayReceive } = this.#options;
    const { maximumPacketSize, version } = this.client;
    const { topic, payload, qos, retain, expiry } = message;
    if (expiry !== undefined && expiry <= now()) return undefined;
    const packet: IPublishPacket & { cmd: 'publish' } = {
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain,
      dup: seq < mayBeSentBefore,
      messageId,
    };
    const properties = version === 5 ? propertiesNow(message, now()) : undefined;
    if (properties !== undefined) packet.properties = properties;
    const isTooLarge =
      maximumPacketSize !== undefined &&
      payload.length + Buffer.byteLength(topic) + PUBLISH_HEADER_BYTES > maximumPacketSize * 0.9 &&
      mqtt.generate(packet, { protocolVersion: version }).length > maximumPacketSize;
    return isTooLarge || !mayReceive(packet) ? undefined : packet;
  }

  #write(packet: mqtt.Packet): void {
    if (!this.client.connected || this.client.closed) return;
    mqtt.writeToStream(packet, this.client.conn, { protocolVersion: this.client.version });
  }

  #goOnLater(): void {
    this.#isWaiting = true;
    setImmediate(() => {
      this.#isWaiting = false;
      this.pump();
    });
  }

  #awaitDrain(conn: Duplex): void {
    this.#isWaiting = true;
    conn.once('drain', () => {
      this.#isWaiting = false;
      this.pump();
    });
  }
}
