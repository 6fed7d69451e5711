import { EdgelogError, type EdgelogErrorCode } from '@edgelog/base';
import { sourceHeaders } from '@edgelog/edge';
import type { Client } from 'aedes';
import type { Incoming, Ingest } from '../ingest/index.ts';
import type { Access } from './access.ts';
import type { MqttConnection } from './connection.ts';
import type { MqttCounters } from './counters.ts';
import { headersOf } from './message-properties.ts';
import type { HandedOn } from './persistence/handed-on.ts';
import { AckType, MqttFault, Reason, type ReasonCode } from './protocol.ts';
import type { PublishPacket } from './publish-packet.ts';
import { Qos2Window, UNRELEASED_MAX } from './qos2.ts';
import { refusal } from './refusal.ts';

export interface PublishPathOptions {
  gateway: string;
  /** Largest payload. */
  maxMessageBytes: number;
  ingest: Ingest;
  qos2: Qos2Window;
  access: Access;
  counters: MqttCounters;
  /** Whether a local subscriber or the store of retained messages wants it. */
  isWantedHere: (packet: PublishPacket) => boolean;
  /** Resolves when all local queues and retained messages hold it; never rejects. */
  deliver: (client: Client, packet: PublishPacket) => Promise<void>;
  /** Which QoS 2 messages those queues hold. */
  handedOn: Pick<HandedOn, 'has' | 'holds' | 'release'>;
  /** Resolves when the ids that `Qos2Window` released in this turn are durably free. */
  committed: (waiter: object) => Promise<void>;
  onRefused: (connection: MqttConnection, packet: PublishPacket, reason: string) => void;
}

/** What a client of MQTT 5.0 reads in an acknowledgement, and stays connected; anything else ends the connection. */
const REFUSALS: Partial<Record<EdgelogErrorCode, ReasonCode>> = {
  DISK_FULL: Reason.QUOTA_EXCEEDED,
  LIMIT_EXCEEDED: Reason.QUOTA_EXCEEDED,
};

/** Topics of the broker itself: nobody else publishes to them, and they are never stored. */
export function isReserved(topic: string): boolean {
  return topic.startsWith('$SYS/') || topic.startsWith('$edgelog/');
}

/** The way of a message from its packet to its acknowledgement, which leaves when the message is on disk. */
export class PublishPath {
  readonly #options: PublishPathOptions;

  constructor(options: PublishPathOptions) {
    this.#options = options;
  }

  /** PUBLISH. Throws MqttFault for what must end the connection. */
  publish(connection: MqttConnection, packet: PublishPacket): void {
    const { access } = this.#options;
    const { topic, qos } = packet;
    if (connection.allowedTopic !== topic) {
      const reason = isReserved(topic)
        ? "the topic is the broker's own"
        : access.mayPublish(connection.client, topic)
          ? undefined
          : 'not allowed by the access rules';
      if (reason !== undefined) {
        this.#refuse(connection, packet, Reason.NOT_AUTHORIZED, reason);
        return;
      }
      connection.allowedTopic = topic;
    }
    try {
      const durable = qos === 2 ? this.#appendOnce(connection, packet) : this.#append(connection, packet);
      if (qos !== 0) {
        connection.acks.ack(qos === 1 ? AckType.PUBACK : AckType.PUBREC, packet.messageId, durable);
      }
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.#refuse(connection, packet, REFUSALS[error.code], error.message);
    }
  }

  /** PUBREL: PUBCOMP leaves when the id is durably free. */
  release(connection: MqttConnection, messageId: number): void {
    const { qos2, handedOn, committed } = this.#options;
    const { id } = connection.client;
    const inLog = qos2.release(id, messageId) ? committed(connection) : undefined;
    // Not before: a client that sends PUBLISH again here (paho does) would have the log's message handed on twice.
    const release = async () => {
      await inLog;
      await handedOn.release(id, messageId);
    };
    const isFree = handedOn.holds(id, messageId) ? release() : inLog;
    connection.acks.ack(AckType.PUBCOMP, messageId, isFree);
  }

  #appendOnce(connection: MqttConnection, packet: PublishPacket): Promise<void> {
    const { qos2, handedOn, counters } = this.#options;
    const { client } = connection;
    const { messageId, topic, payload } = packet;
    const crc = Qos2Window.checksum(topic, payload);
    const first = qos2.repeated(client.id, messageId, crc);
    if (first !== undefined) {
      counters.repeated.inc();
      // There may have been a crash between the log's commit and that of the local queues.
      const isMissed =
        qos2.isUncertain(client.id, messageId) && !handedOn.has({ clientId: client.id, messageId, crc });
      return isMissed ? this.#handOn(connection, packet, first) : first;
    }
    if (!qos2.hasRoom(client.id, messageId)) {
      const reason = `${UNRELEASED_MAX} QoS 2 messages of this client await PUBREL`;
      throw new MqttFault(Reason.RECEIVE_MAXIMUM_EXCEEDED, reason, { topic });
    }
    const durable = this.#append(connection, packet, () => qos2.stored(client.id, messageId, crc));
    qos2.add(client, messageId, crc, durable);
    return durable;
  }

  /** Resolves when the message is on disk, and then with all local subscribers' queues. */
  #append(connection: MqttConnection, packet: PublishPacket, alongside?: () => void): Promise<void> {
    const { gateway, maxMessageBytes, ingest, counters } = this.#options;
    const { client } = connection;
    const { topic, payload, qos, properties } = packet;
    const bytes = payload.length;
    if (bytes > maxMessageBytes) {
      throw new EdgelogError('LIMIT_EXCEEDED', `payload over the limit of ${maxMessageBytes} bytes`);
    }
    connection.headers ??= sourceHeaders(gateway, `mqtt:${client.id}`);
    const message: Incoming = { kind: 'mqtt', name: topic, value: payload, headers: connection.headers };
    if (qos !== 0) message.waiter = connection;
    if (properties !== undefined) message.properties = headersOf(properties);
    const { durable } = ingest.take(message, alongside);
    counters.received[qos].inc();
    counters.receivedBytes.inc(bytes);
    return this.#handOn(connection, packet, durable);
  }

  /** To local subscribers and the store of retained messages, once it is durable. */
  #handOn(connection: MqttConnection, packet: PublishPacket, durable: Promise<void>): Promise<void> {
    const { isWantedHere, deliver } = this.#options;
    if (!isWantedHere(packet)) return durable;
    const { client } = connection;
    const bytes = packet.payload.length;
    connection.delivering(bytes);
    const done = () => connection.delivering(-bytes);
    if (packet.qos === 0) {
      deliver(client, packet).then(done);
      return durable;
    }
    const delivered = durable.then(() => deliver(client, packet));
    delivered.then(done, done);
    return delivered;
  }

  #refuse(
    connection: MqttConnection,
    packet: PublishPacket,
    reasonCode: ReasonCode | undefined,
    reason: string,
  ): void {
    this.#options.counters.refused.inc();
    this.#options.onRefused(connection, packet, reason);
    if (!connection.isVersion5 || reasonCode === undefined) {
      throw new MqttFault(reasonCode ?? Reason.UNSPECIFIED, reason, { topic: packet.topic });
    }
    if (packet.qos === 0) return;
    const type = packet.qos === 1 ? AckType.PUBACK : AckType.PUBREC;
    const words = connection.wantsReasons ? reason : undefined;
    connection.acks.answer(refusal(type, packet.messageId, reasonCode, words));
  }
}
