import type { Duplex } from 'node:stream';
import type { Aedes, Client } from 'aedes';

/** Bytes waiting in the socket of one local subscriber. */
const BEHIND_BYTES = 1024 * 1024;

interface Emitter {
  emit(packet: object, done?: () => void): Emitter;
}

/**
 * True for a subscriber that takes messages more slowly than they come; what it misses is dropped, as in any broker.
 * A persistent session has a queue of its own, with its own bound.
 */
export function isBehind(client: Client): boolean {
  return client.clean && (client.conn as Duplex).writableLength > BEHIND_BYTES;
}

/**
 * Publishers do not wait for subscribers. By itself aedes deals with a device's next packets only when every local
 * subscriber has taken the ones before, so that one frozen dashboard would hold up ingest until it is cut off.
 */
export function detachDelivery(broker: Aedes): void {
  const { mq } = broker as unknown as { mq: Emitter };
  const emit = mq.emit.bind(mq);
  mq.emit = (packet, done) => {
    emit(packet);
    done?.();
    return mq;
  };
}
