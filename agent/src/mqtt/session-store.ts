import type { StreamSet } from '@edgelog/edge';
import type { Aedes } from 'aedes';
import type { Qos2Window } from './qos2.ts';

interface StoredClient {
  id: string;
}
interface StoredPacket {
  cmd: string;
  messageId?: number;
  payload?: Buffer;
}
interface RetainedPacket extends StoredPacket {
  topic: string;
  payload: Buffer;
}
interface Subscriber {
  clientId: string;
}

/** The part of aedes' persistence that is replaced or watched here (aedes-persistence 11). */
interface Persistence {
  incomingGetPacket(client: StoredClient, packet: StoredPacket): Promise<StoredPacket>;
  incomingStorePacket(client: StoredClient, packet: StoredPacket): Promise<void>;
  incomingDelPacket(client: StoredClient, packet: StoredPacket): Promise<void>;
  cleanIncoming(client: StoredClient): Promise<void>;
  storeRetained(packet: RetainedPacket): Promise<void>;
  outgoingEnqueueCombi(subscribers: Subscriber[], packet: StoredPacket): Promise<void>;
  outgoingEnqueue(subscriber: Subscriber, packet: StoredPacket): Promise<void>;
  outgoingClearMessageId(client: StoredClient, packet: StoredPacket): Promise<StoredPacket | undefined>;
}

export function persistenceOf(broker: Aedes): Persistence {
  return (broker as unknown as { persistence: Persistence }).persistence;
}

const NOT_RECEIVED = new Error('no such packet');

/** Puts the durable window of QoS 2 packet ids in the place of aedes' own store in memory. */
export function useQos2Window(
  broker: Aedes,
  window: Qos2Window,
  streams: StreamSet,
  isRepeat: (packet: object) => boolean,
): void {
  const persistence = persistenceOf(broker);
  persistence.incomingGetPacket = async (client, packet) => {
    if (packet.cmd === 'pubrel') {
      if (window.release(client.id, packet.messageId!)) await streams.committed();
      return packet;
    }
    if (!isRepeat(packet)) throw NOT_RECEIVED;
    return packet;
  };
  persistence.incomingStorePacket = async () => {};
  persistence.incomingDelPacket = async () => {};
  persistence.cleanIncoming = async (client) => {
    if (window.forget(client.id)) await streams.committed();
  };
}

/** For one persistent session; beyond, messages to it are dropped and counted. */
const QUEUED_MESSAGES_MAX = 10_000;
const QUEUED_BYTES_MAX = 4 * 1024 * 1024;
/** For all persistent sessions together. */
const ALL_QUEUED_BYTES_MAX = 64 * 1024 * 1024;

/** Bounds what aedes keeps in memory for subscribers with a persistent session. `onDrop` is called per message. */
export function boundOfflineQueues(
  broker: Aedes,
  onDrop: (clientId: string) => void,
  allBytesMax: number = ALL_QUEUED_BYTES_MAX,
): void {
  const persistence = persistenceOf(broker);
  const queued = new Map<string, { messages: number; bytes: number }>();
  let allBytes = 0;
  const { outgoingEnqueueCombi, outgoingEnqueue, outgoingClearMessageId } = persistence;

  const admit = (clientId: string, bytes: number): boolean => {
    const queue = queued.get(clientId) ?? { messages: 0, bytes: 0 };
    if (
      queue.messages >= QUEUED_MESSAGES_MAX ||
      queue.bytes + bytes > QUEUED_BYTES_MAX ||
      allBytes + bytes > allBytesMax
    ) {
      onDrop(clientId);
      return false;
    }
    queued.set(clientId, queue);
    queue.messages++;
    queue.bytes += bytes;
    allBytes += bytes;
    return true;
  };

  persistence.outgoingEnqueueCombi = (subscribers, packet) => {
    if (subscribers.length === 0) return Promise.resolve();
    const bytes = packet.payload?.length ?? 0;
    const admitted = subscribers.filter(({ clientId }) => admit(clientId, bytes));
    return outgoingEnqueueCombi.call(persistence, admitted, packet);
  };
  persistence.outgoingEnqueue = async (subscriber, packet) => {
    if (admit(subscriber.clientId, packet.payload?.length ?? 0)) {
      await outgoingEnqueue.call(persistence, subscriber, packet);
    }
  };
  persistence.outgoingClearMessageId = async (client, packet) => {
    const cleared = await outgoingClearMessageId.call(persistence, client, packet);
    const queue = queued.get(client.id);
    if (cleared !== undefined && queue !== undefined) {
      const bytes = cleared.payload?.length ?? 0;
      queue.messages--;
      queue.bytes -= bytes;
      allBytes -= bytes;
      if (queue.messages === 0) queued.delete(client.id);
    }
    return cleared;
  };
}
