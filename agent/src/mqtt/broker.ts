import { createServer, type Socket } from 'node:net';
import { EdgelogError } from '@edgelog/base';
import type { StreamSet } from '@edgelog/edge';
import { sourceHeaders } from '@edgelog/edge';
import { type Address, type Logger, listen } from '@edgelog/runtime';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import type { Ingest } from '../ingest/index.ts';
import { LogLimiter } from '../log-limiter.ts';
import { MqttConnection } from './connection.ts';
import type { MqttCounters } from './counters.ts';
import type { PacketFault } from './packet-guard.ts';
import { Qos2Window } from './qos2.ts';
import { boundRetained } from './retained.ts';
import { boundOfflineQueues, useQos2Window } from './session-store.ts';
import { detachDelivery, isBehind } from './subscribers.ts';

export interface MqttBrokerOptions {
  address: Address;
  gateway: string;
  /** Largest payload. */
  maxMessageBytes: number;
  streams: StreamSet;
  /** Where messages go. */
  ingest: Ingest;
  qos2: Qos2Window;
  counters: MqttCounters;
  log: Logger;
}

export interface MqttBroker {
  readonly port: number;
  readonly connectedClients: number;
  /** Accepts no more connections and reads nothing more from those there are. */
  pause(): void;
  /** Ends all connections; last wills are taken like any message. */
  close(): Promise<void>;
}

type Done = (error?: Error | null) => void;

/** Topic (at most 65,535 bytes with its length) and packet id come on top of the payload. */
const PUBLISH_OVERHEAD_BYTES = 2 + 0xffff + 2;
const CONNECT_TIMEOUT_MS = 10_000;
/** A local subscriber that takes nothing for this long is cut off. */
const DRAIN_TIMEOUT_MS = 30_000;
/** Packets that may follow a CONNECT in one read: as many as fit. */
const PACKETS_BEFORE_CONNACK_MAX = 65_536;

/**
 * An MQTT 3.1.1 broker whose acknowledgement means "on disk": PUBACK and PUBREC leave after the group commit that holds
 * the message. aedes asks `authorizePublish` before it acknowledges, and only then; so that is where a message is
 * appended, synchronously, and its callback waits for the commit.
 */
export async function startMqttBroker(options: MqttBrokerOptions): Promise<MqttBroker> {
  const { streams, ingest, qos2, counters, log } = options;
  const limiter = new LogLimiter(log);
  const connections = new Map<Client, MqttConnection>();
  /** QoS 2 packets that were appended when they came first. */
  const repeats = new WeakSet<object>();

  const append = (client: Client | null, packet: PublishPacket, alongside?: () => void): Promise<void> => {
    const value = toBuffer(packet.payload);
    if (value.length > options.maxMessageBytes) {
      throw new EdgelogError('LIMIT_EXCEEDED', `payload over the limit of ${options.maxMessageBytes} bytes`);
    }
    const connection = client === null ? undefined : connections.get(client);
    const headers = connection?.headers ?? sourceHeaders(options.gateway, `mqtt:${client?.id ?? ''}`);
    if (connection !== undefined) connection.headers = headers;
    const { durable } = ingest.take({ kind: 'mqtt', name: packet.topic, value, headers }, alongside);
    counters.received[packet.qos].inc();
    counters.receivedBytes.inc(value.length);
    return durable;
  };

  const appendOnce = (client: Client, packet: PublishPacket): Promise<void> => {
    const messageId = packet.messageId!;
    const crc = Qos2Window.checksum(packet.topic, toBuffer(packet.payload));
    const first = qos2.repeated(client.id, messageId, crc);
    if (first !== undefined) {
      repeats.add(packet);
      counters.repeated.inc();
      return first;
    }
    qos2.assertRoom(client.id, messageId);
    const durable = append(client, packet, () => qos2.stored(client.id, messageId, crc));
    qos2.add(client, messageId, crc, durable);
    return durable;
  };

  const authorizePublish = (client: Client | null, packet: PublishPacket, done: Done): void => {
    if (packet.topic.startsWith('$SYS/')) {
      done(new Error('$SYS/ topics are reserved'));
      return;
    }
    const connection = client === null ? undefined : connections.get(client);
    const isWill = packet.messageId === undefined;
    try {
      const durable =
        client !== null && packet.qos === 2 && !isWill ? appendOnce(client, packet) : append(client, packet);
      if (packet.qos === 0) done();
      else if (connection === undefined || isWill) durable.then(() => done(), done);
      else connection.acks.push(durable, done);
    } catch (error) {
      counters.refused.inc();
      limiter.warn('message refused', {
        client: client?.id,
        topic: packet.topic,
        bytes: packet.payload.length,
        reason: (error as Error).message,
      });
      done(error as Error);
    }
  };

  const onSubscriberDrop = (clientId: string): void => {
    counters.subscriberDrops.inc();
    limiter.warn('a local subscriber is behind, a message to it was dropped', { client: clientId });
  };

  const broker = await Aedes.createBroker({
    concurrency: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    queueLimit: PACKETS_BEFORE_CONNACK_MAX,
    authorizePublish,
    authorizeForward: (client, packet) => {
      if (!isBehind(client)) return packet;
      onSubscriberDrop(client.id);
      return null;
    },
  });
  useQos2Window(broker, qos2, streams, (packet) => repeats.has(packet));
  boundOfflineQueues(broker, onSubscriberDrop);
  boundRetained(broker, (topic) =>
    limiter.warn('no room to retain a message: it is in the log, later subscribers will not see it', {
      topic,
    }),
  );
  detachDelivery(broker);

  const onFault = (connection: MqttConnection, fault: PacketFault): void => {
    counters.connectionErrors.inc();
    if (fault.sizeBytes !== undefined) counters.refused.inc();
    limiter.warn(fault.sizeBytes === undefined ? 'connection refused' : 'message refused', {
      client: connection.client.id ?? undefined,
      remote: connection.remote,
      topic: fault.topic,
      bytes: fault.sizeBytes,
      reason: fault.reason,
    });
  };
  const onError = (client: Client, error: Error): void => {
    const connection = connections.get(client);
    // One line for a connection, the first: those of its packets in flight follow.
    if (connection === undefined) return;
    connections.delete(client);
    counters.connectionErrors.inc();
    if (error instanceof EdgelogError) return;
    limiter.warn('connection ended by an error', {
      client: client.id ?? undefined,
      remote: connection.remote,
      reason: error.message,
    });
  };
  broker.on('clientError', onError).on('connectionError', onError);

  const onSocket = (socket: Socket): void => {
    counters.connections.inc();
    const connection = new MqttConnection(socket, {
      maxPacketBytes: options.maxMessageBytes + PUBLISH_OVERHEAD_BYTES,
      pressure: streams.pressure,
      onFault,
    });
    const client = broker.handle(socket);
    connection.client = client;
    connections.set(client, connection);
    socket.once('close', () => connections.delete(client));
  };
  const server = createServer({ noDelay: true, allowHalfOpen: false }, onSocket);
  const port = await listen(server, options.address, '--mqtt');
  server.on('error', (error) => log.error('MQTT listener failed', { error }));
  streams.pressure.onRelief(() => {
    for (const connection of connections.values()) connection.resume();
  });

  return {
    port,
    get connectedClients() {
      return broker.connectedClients;
    },
    pause() {
      server.close();
      for (const connection of connections.values()) connection.stop();
    },
    close: () => new Promise((resolve) => broker.close(resolve)),
  };
}

function toBuffer(payload: string | Buffer): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
