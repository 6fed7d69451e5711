import type { Aedes } from 'aedes';
import { internalsOf } from './aedes-internals.ts';

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
  const persistence = internalsOf(broker).persistence;
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
