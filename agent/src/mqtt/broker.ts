import { Socket } from 'node:net';
import type { Alarms, StreamSet } from '@edgelog/edge';
import { sourceHeaders } from '@edgelog/edge';
import type { Logger } from '@edgelog/runtime';
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes';
import type { Ingest } from '../ingest/index.ts';
import { LogLimiter } from '../log-limiter.ts';
import { type Access, OPEN_ACCESS } from './access.ts';
import {
  clientNamed,
  forgetInheritedClients,
  forgetInheritedSubscriptions,
  internalsOf,
  isOfEarlierRun,
  nameUnnamed,
} from './aedes-internals.ts';
import { serveCleanSessions } from './clean-delivery.ts';
import { ClientIdOwners } from './client-id-owners.ts';
import { ClientIdWatch } from './client-id-watch.ts';
import { type ConnectionHost, MqttConnection, UNACKED_MAX } from './connection.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { clientLimitsFault } from './control-packets.ts';
import type { MqttCounters } from './counters.ts';
import { FilterLimit } from './filter-limit.ts';
import { keepAliveTicks, watchKeepAlive } from './keep-alive.ts';
import {
  type Listener,
  type ListenerSettings,
  type Listeners,
  type MqttPeer,
  type MqttSocket,
  startListeners,
} from './listeners/index.ts';
import { LocalDelivery } from './local-delivery.ts';
import { fromPacketProperties, headersOf } from './message-properties.ts';
import { PartialPackets } from './partial-packets.ts';
import { type MqttStoreStatus, openMqttStore } from './persistence/mqtt-store.ts';
import type { Owner } from './persistence/owner.ts';
import { type MqttFault, Reason } from './protocol.ts';
import { isReserved, PublishPath } from './publish-path.ts';
import { Qos2Window } from './qos2.ts';
import { endQos2WithSession } from './sessions.ts';
import { detachDelivery, isBehind, isTooLarge } from './subscribers.ts';
import { TOPIC_ALIAS_MAX } from './topic-aliases.ts';

/** How much one client, one host and all together may take of the gateway. */
export interface MqttLimits {
  mqttMaxConnections: number;
  mqttMaxConnectionsPerAddress: number;
  /** Per client; 0: as fast as it sends. */
  mqttMaxMessagesPerSecond: number;
  mqttMaxBytesPerSecond: number;
}

export interface MqttBrokerOptions {
  /** The agent's data directory. */
  dir: string;
  /** What is kept on disk for local clients may take so much of it. */
  storeBytes: number;
  /** Life of a session without a connection. */
  sessionExpirySeconds: number;
  listeners: ListenerSettings;
  limits: MqttLimits;
  alarms: Alarms;
  gateway: string;
  /** Largest payload. */
  maxMessageBytes: number;
  streams: StreamSet;
  /** Where messages go. */
  ingest: Ingest;
  qos2: Qos2Window;
  /** Default: everybody may do everything. */
  access?: Access;
  counters: MqttCounters;
  monotonicMs: () => number;
  /** Clients of before the start get this long to come back before their wills are published; default 30 s. */
  willGraceMs?: number | undefined;
  log: Logger;
}

export interface MqttBroker {
  readonly listeners: readonly Listener[];
  /** The certificate in use. */
  tls(): ReturnType<Listeners['tls']>;
  readonly connectedClients: number;
  /** What is kept for local clients. */
  store(): MqttStoreStatus;
  /** Users or rules have changed: each client's next message is judged anew, and who is a user no more is disconnected. */
  forgetAccess(): void;
  /** Accepts no more connections and reads nothing more from those there are. */
  pause(): void;
  /** Ends all connections; last wills are taken like any message. */
  close(): Promise<void>;
}

type Done = (error?: Error | null) => void;

/** Topic (at most 65,535 bytes with its length), packet id, and as much again for properties come on top of the payload. */
const PUBLISH_OVERHEAD_BYTES = 128 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
/** A local subscriber that takes nothing for this long is cut off. */
const DRAIN_TIMEOUT_MS = 30_000;
const TCP_KEEP_ALIVE_MS = 60_000;
const PENDING_SESSIONS_MAX = 10_000;

/**
 * A broker of MQTT 3.1, 3.1.1 and 5.0 whose acknowledgement means "on disk": PUBACK and PUBREC leave after the group
 * commit that holds the message. Devices' messages take their own way (`PublishPath`); connecting, sessions,
 * subscriptions and what local subscribers receive are aedes'.
 */
export async function startMqttBroker(options: MqttBrokerOptions): Promise<MqttBroker> {
  const { streams, ingest, qos2, counters, log, limits } = options;
  const access = options.access ?? OPEN_ACCESS;
  const limiter = new LogLimiter(log);
  const connections = new Map<Client, MqttConnection>();
  const admitted = new ConnectionLimits({
    total: limits.mqttMaxConnections,
    perAddress: limits.mqttMaxConnectionsPerAddress,
  });
  /** One line for a connection, the first: those of its packets in flight follow. */
  const hasReported = new WeakSet<Client>();
  const maxPacketBytes = options.maxMessageBytes + PUBLISH_OVERHEAD_BYTES;

  /** Of devices' messages aedes sees no PUBLISH: these are last wills, which have no acknowledgement. */
  const takeWill = (
    client: Client | null,
    packet: PublishPacket & { clientId?: string },
    done: Done,
  ): void => {
    const { topic, properties } = packet;
    const clientId = client?.id ?? packet.clientId ?? '';
    const value = Buffer.from(packet.payload);
    try {
      // Who is of an earlier run was allowed to when it connected; nobody knows its user any more.
      const isKnown = client !== null && !isOfEarlierRun(client);
      if (isReserved(topic) || (isKnown && !access.mayPublish(client, topic))) {
        throw new Error('not allowed by the access rules');
      }
      const { durable } = ingest.take({
        kind: 'mqtt',
        name: topic,
        value,
        headers: sourceHeaders(options.gateway, `mqtt:${clientId}`),
        ...(properties !== undefined && { properties: headersOf(fromPacketProperties(properties)) }),
      });
      counters.received[packet.qos].inc();
      counters.receivedBytes.inc(value.length);
      durable.then(() => done(), done);
    } catch (error) {
      const reason = (error as Error).message;
      counters.refused.inc();
      limiter.warn('last will refused', { client: clientId, topic, bytes: value.length, reason });
      done(error as Error);
    }
  };

  const clientIds = new ClientIdWatch(options.alarms, options.monotonicMs);
  const noteTakeover = (connection: MqttConnection, clientId: string): void => {
    const rival = clientNamed(broker, clientId);
    const from = rival === undefined ? undefined : connections.get(rival)?.remote;
    if (from !== undefined) clientIds.takenOver(clientId, from, connection.remote);
  };

  const onSubscriberDrop = (clientId: string): void => {
    counters.subscriberDrops.inc();
    limiter.warn('a local subscriber is behind, a message to it was dropped', { client: clientId });
  };

  const store = openMqttStore({
    dir: options.dir,
    maxBytes: options.storeBytes,
    alarms: options.alarms,
    sessionExpirySeconds: options.sessionExpirySeconds,
    ...(options.willGraceMs !== undefined && { willGraceMs: options.willGraceMs }),
    ownerOf: (client) => ownerOf(client),
    isUnreleased: ({ clientId, messageId, crc }) => qos2.repeated(clientId, messageId, crc) !== undefined,
    onDrop: onSubscriberDrop,
    onRetainedDrop: (topic) =>
      limiter.warn('no room to retain a message: it is in the log, later subscribers will not see it', {
        topic,
      }),
  });
  const ownerOf = (client: Client): Owner | undefined => {
    const user = access.userOf(client);
    if (user === undefined) return undefined;
    return { user, byCertificate: connections.get(client)?.peer.certificateName === user };
  };
  const owners = new ClientIdOwners({
    access,
    hasCertificates: options.listeners.mqttTlsClientCa !== undefined,
    ownerOf,
    storedOwner: (clientId) => store.ownerOf(clientId),
    named: (clientId) => clientNamed(broker, clientId),
    endSession: (id) => internalsOf(broker).persistence.cleanSubscriptions({ id }),
  });
  const letIn = async (client: Client, connection: MqttConnection): Promise<void> => {
    await owners.claim(client, (owner, reason) => {
      const user = access.userOf(client);
      const { remote } = connection;
      limiter.warn('login refused', { client: client.id, user, owner, remote, reason });
    });
    noteTakeover(connection, client.id);
  };
  const mayReceive = (client: Client, packet: PublishPacket): boolean => {
    if (!access.mayReceive(client, packet.topic)) return false;
    if (!isBehind(client) && !isTooLarge(client, packet)) return true;
    onSubscriberDrop(client.id);
    return false;
  };
  const filters = new FilterLimit();
  const broker = await Aedes.createBroker({
    persistence: store.persistence,
    concurrency: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    maxClientsIdLength: 0xffff,
    maximumPacketSize: maxPacketBytes,
    receiveMaximum: UNACKED_MAX,
    topicAliasMaximum: TOPIC_ALIAS_MAX,
    sessionExpiryIntervalLimit: options.sessionExpirySeconds,
    pendingSessionsLimit: PENDING_SESSIONS_MAX,
    preConnect: (client, packet, done) => {
      const connection = connections.get(client);
      if (connection !== undefined) {
        const fault = clientLimitsFault(packet.properties);
        if (fault !== undefined) {
          connection.fail(fault);
          return;
        }
        connection.isCleanStart = packet.clean === true;
        connection.keepAliveTicks = keepAliveTicks(packet.keepalive ?? 0);
      }
      // aedes' own timer would not see that messages come.
      packet.keepalive = 0;
      done(null, true);
    },
    authenticate: (client, username, password, done) => {
      nameUnnamed(client);
      const connection = connections.get(client);
      access
        .authenticate(client, username, password, connection?.peer)
        .then(async (isKnown) => {
          // Else it has gone meanwhile.
          if (connection !== undefined && connections.has(client)) await letIn(client, connection);
          return isKnown;
        })
        .then(
          (isKnown) => done(null, isKnown),
          (error: AuthenticateError) => {
            hasReported.add(client);
            done(error, false);
          },
        );
    },
    authorizePublish: takeWill,
    authorizeSubscribe: (client, subscription, done) => {
      const { topic } = subscription;
      const reason = access.maySubscribe(client, topic)
        ? filters.refusal(client, topic)
        : 'not allowed by the access rules';
      if (reason === undefined) {
        done(null, subscription);
        return;
      }
      limiter.warn('subscription refused', { client: client.id, filter: topic.slice(0, 200), reason });
      done(null, null);
    },
    authorizeForward: (client, packet) => (mayReceive(client, packet) ? packet : null),
  });
  forgetInheritedClients(broker);
  broker.on('clientReady', (client) => owners.settled(client));
  broker.on('subscribe', (_subscriptions, client) => filters.settled(client));
  broker.on('unsubscribe', (_filters, client) => filters.settled(client));
  endQos2WithSession(
    broker,
    (clientId) => {
      store.handedOn.forget(clientId);
      return qos2.forget(clientId);
    },
    (client) => connections.get(client)?.isCleanStart === true,
    () => streams.committed(),
  );
  detachDelivery(broker);
  serveCleanSessions(broker, {
    mayReceive,
    isReplaced: ({ topic, payload }) => !store.isRetained({ topic, payload: Buffer.from(payload) }),
    onDrop: onSubscriberDrop,
  });

  const local = new LocalDelivery(broker);
  const path = new PublishPath({
    gateway: options.gateway,
    maxMessageBytes: options.maxMessageBytes,
    ingest,
    qos2,
    access,
    counters,
    isWantedHere: (packet) => local.isWanted(packet),
    deliver: (client, packet) => {
      const { topic, payload, qos, messageId } = packet;
      if (qos === 2 && !client.clean && store.isQueued(topic)) {
        store.handedOn.add({ clientId: client.id, messageId, crc: Qos2Window.checksum(topic, payload) });
      }
      return local.deliver(client, packet);
    },
    handedOn: store.handedOn,
    committed: (waiter) => streams.committed(waiter),
    onRefused: ({ client, remote }, { topic, payload }, reason) =>
      limiter.warn('message refused', { client: client.id, remote, topic, bytes: payload.length, reason }),
  });
  const host: ConnectionHost = {
    maxPacketBytes,
    messagesPerSecond: limits.mqttMaxMessagesPerSecond,
    bytesPerSecond: limits.mqttMaxBytesPerSecond,
    pressure: streams.pressure,
    partial: new PartialPackets(),
    monotonicMs: options.monotonicMs,
    onPublish: (connection, packet) => path.publish(connection, packet),
    onRelease: (connection, messageId) => path.release(connection, messageId),
    onFault: (connection, fault) => onFault(connection, fault),
    onThrottled: () => counters.throttled.inc(),
  };

  const onFault = ({ client, remote }: MqttConnection, fault: MqttFault): void => {
    if (hasReported.has(client)) return;
    hasReported.add(client);
    counters.connectionErrors.inc();
    const { sizeBytes, topic } = fault;
    if (sizeBytes !== undefined) counters.refused.inc();
    const about = { client: client.id ?? undefined, remote, topic, bytes: sizeBytes, reason: fault.message };
    limiter.warn(sizeBytes === undefined ? 'connection ended by the gateway' : 'message refused', about);
  };
  const onError = (client: Client, error: Error): void => {
    const connection = connections.get(client);
    if (connection === undefined || hasReported.has(client)) return;
    hasReported.add(client);
    counters.connectionErrors.inc();
    const { remote } = connection;
    const about = { client: client.id ?? undefined, remote, reason: error.message };
    limiter.warn('connection ended by an error', about);
  };
  broker.on('clientError', onError).on('connectionError', onError);

  const onSocket = (socket: MqttSocket, peer: MqttPeer): void => {
    counters.connections.inc();
    const address = socket.remoteAddress ?? '';
    const refusal = admitted.admit(address);
    if (refusal !== undefined) {
      counters.connectionsRefused.inc();
      limiter.warn('connection refused', { remote: `${address}:${socket.remotePort}`, reason: refusal });
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    if (socket instanceof Socket) socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    const connection = new MqttConnection(socket, peer, host);
    const client = broker.handle(socket);
    forgetInheritedSubscriptions(client);
    connection.client = client;
    connections.set(client, connection);
    socket.once('close', () => {
      connections.delete(client);
      owners.settled(client);
      admitted.release(address);
    });
  };
  const listeners = await startListeners({
    settings: options.listeners,
    maxPacketBytes,
    onSocket,
    hasUsers: access.hasUsers,
    alarms: options.alarms,
    log,
  });
  const stopWatching = watchKeepAlive(() => connections.values());
  streams.pressure.onRelief(() => {
    for (const connection of connections.values()) connection.resume();
  });

  return {
    listeners: listeners.list,
    tls: listeners.tls,
    get connectedClients() {
      return broker.connectedClients;
    },
    forgetAccess() {
      for (const [client, connection] of connections) {
        connection.allowedTopic = undefined;
        if (!access.isWelcome(client)) client.disconnect({ reasonCode: Reason.NOT_AUTHORIZED });
      }
    },
    pause() {
      stopWatching();
      listeners.close();
      for (const connection of connections.values()) connection.stop();
    },
    store: () => store.status(),
    async close() {
      await new Promise<void>((resolve) => broker.close(resolve));
      await store.close();
    },
  };
}
