import { EdgelogError } from '@edgelog/base';
import type { IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import { AckQueue } from '../mqtt/ack-queue.ts';
import type { PacketProperties } from '../mqtt/message-properties.ts';
import { AckType } from '../mqtt/protocol.ts';
import { Qos2Window } from '../mqtt/qos2.ts';
import { describeReason } from './describe.ts';
import { isLater, takeMessages } from './mqttjs-internals.ts';

export interface Message {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  /** The broker had it before it was asked for. */
  isRetained: boolean;
  properties: PacketProperties | undefined;
}

export interface ConnectionHost {
  /** A name no device can have: under it the window keeps packet ids of QoS 2. */
  windowId: string;
  isPersistent: boolean;
  qos2: Qos2Window;
  /** Puts a message in the log. Throws EdgelogError for what is not taken now; what can never be taken resolves. */
  take(message: Message, alongside?: () => void): Promise<void>;
  /** Resolves when the ids that the window released are durably free. */
  committed(): Promise<void>;
  /** True while nothing more should be read. */
  isHeldUp(): boolean;
  /** The broker has answered CONNECT. */
  onConnack(isResumed: boolean): void;
  /** What cannot be taken now, and why; undefined when it could. */
  onHeld(error: EdgelogError | undefined): void;
  /** The connection has ended, or never stood; once. */
  onEnd(error: Error | undefined): void;
}

/** How soon what could not be taken is tried again. */
const RETRY_MS = 250;
/** For what is under way when the agent ends; a broker that answers no more must not hold it up. */
const CLOSE_GRACE_MS = 3000;

/** One connection to the broker, from CONNECT to its end. */
export class BrokerConnection {
  readonly #client: MqttClient;
  readonly #host: ConnectionHost;
  readonly #acks: AckQueue;
  readonly #keepAliveMs: number;
  readonly #waiting: (() => void)[] = [];
  #retry: NodeJS.Timeout | undefined;
  #pings: NodeJS.Timeout | undefined;
  #error: Error | undefined;
  #hasEnded = false;
  #isHeld = false;
  #isOpen = false;

  constructor(client: MqttClient, host: ConnectionHost) {
    this.#client = client;
    this.#host = host;
    this.#keepAliveMs = (client.options.keepalive ?? 30) * 1000;
    this.#acks = new AckQueue({
      write: (bytes) => void (this.#hasEnded || client.stream.write(bytes)),
      failed: (error) => this.#end(error),
      progress: () => {},
    });
    takeMessages(client, {
      onPublish: (packet, next) => this.#onPublish(packet, next),
      onRelease: (messageId) => this.#onRelease(messageId),
    });
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack') this.#onConnack(packet);
      else if (packet.cmd === 'disconnect')
        this.#error = new Error(`the broker ended the connection: ${describeReason(packet.reasonCode)}`);
    });
    client.on('error', (error) => {
      if (!isLater(error)) this.#error ??= error;
    });
    client.on('close', () => this.#end(undefined));
  }

  /** Begins. What stands in the way at once, such as a certificate and a key that do not belong together, comes by `onEnd` too. */
  open(): void {
    try {
      this.#client.connect();
      this.#isOpen = true;
    } catch (error) {
      this.#end(error as Error);
    }
  }

  /** Messages taken and not acknowledged. */
  get unacked(): number {
    return this.#acks.length;
  }

  /** There is room again. */
  resume(): void {
    for (const next of this.#waiting.splice(0)) this.#readOn(next);
  }

  /** Says good-bye when all that was taken has been acknowledged, or after a short grace. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    await new Promise<void>((resolve) => {
      const grace = setTimeout(resolve, CLOSE_GRACE_MS);
      const done = () => {
        clearTimeout(grace);
        resolve();
      };
      this.#acks.afterwards(() => this.#client.end(false, done));
    });
    this.#end(undefined);
  }

  abort(error: Error): void {
    this.#end(error);
  }

  #onConnack(packet: IConnackPacket): void {
    const refused = (packet.reasonCode ?? 0) > 0 || (packet.returnCode ?? 0) > 0;
    if (refused) return;
    const { qos2, windowId, onConnack } = this.#host;
    // The broker has forgotten: its packet ids begin anew.
    if (!packet.sessionPresent) qos2.forget(windowId);
    onConnack.call(this.#host, packet.sessionPresent);
  }

  #onPublish(packet: IPublishPacket, next: () => void): void {
    if (this.#hasEnded) return;
    const { topic, qos, retain, properties, messageId = 0 } = packet;
    const payload = Buffer.from(packet.payload);
    const message: Message = { topic, payload, qos, isRetained: retain, properties };
    const attempt = (): void => {
      if (this.#hasEnded) return;
      try {
        const durable = qos === 2 ? this.#takeOnce(message, messageId) : this.#host.take(message);
        if (qos !== 0) this.#acks.ack(qos === 1 ? AckType.PUBACK : AckType.PUBREC, messageId, durable);
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        this.#hold(error, attempt);
        return;
      }
      this.#letGo();
      if (!this.#host.isHeldUp()) {
        this.#readOn(next);
        return;
      }
      this.#pingMeanwhile();
      this.#waiting.push(next);
    };
    attempt();
  }

  #takeOnce(message: Message, messageId: number): Promise<void> {
    const { qos2, windowId, isPersistent } = this.#host;
    const crc = Qos2Window.checksum(message.topic, message.payload);
    const first = qos2.repeated(windowId, messageId, crc);
    if (first !== undefined) return first;
    const durable = this.#host.take(message, () => qos2.stored(windowId, messageId, crc));
    qos2.add({ id: windowId, clean: !isPersistent }, messageId, crc, durable);
    return durable;
  }

  #onRelease(messageId: number): void {
    const { qos2, windowId, committed } = this.#host;
    const isStored = qos2.release(windowId, messageId);
    this.#acks.ack(AckType.PUBCOMP, messageId, isStored ? committed.call(this.#host) : undefined);
  }

  /** Nothing more is read until the message could be taken. */
  #hold(error: EdgelogError, attempt: () => void): void {
    this.#isHeld = true;
    this.#host.onHeld(error);
    this.#retry = setTimeout(attempt, RETRY_MS);
    this.#pingMeanwhile();
  }

  #letGo(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#host.onHeld(undefined);
  }

  /** Answers to mqtt.js' own pings lie behind what is not read: it would take the broker for gone. */
  #pingMeanwhile(): void {
    this.#pings ??= setInterval(() => {
      this.#client.sendPing();
      this.#client.reschedulePing(true);
    }, this.#keepAliveMs / 2);
  }

  #readOn(next: () => void): void {
    clearInterval(this.#pings);
    this.#pings = undefined;
    next();
  }

  #end(error: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#retry);
    clearInterval(this.#pings);
    this.#waiting.length = 0;
    this.#client.on('error', () => {});
    if (this.#isOpen) this.#client.end(true);
    this.#host.onEnd(error ?? this.#error);
  }
}
