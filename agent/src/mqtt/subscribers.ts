import type { Duplex } from 'node:stream';
import type { Aedes, Client, PublishPacket } from 'aedes';
import mqtt from 'mqtt-packet';
import { internalsOf } from './aedes-internals.ts';

/** Bytes waiting in the socket of one local subscriber. */
const BEHIND_BYTES = 1024 * 1024;

/**
 * True for a subscriber that takes messages more slowly than they come; what it misses is dropped, as in any broker.
 * A persistent session has a queue of its own, with its own bound.
 */
export function isBehind(client: Client): boolean {
  return client.clean && (client.conn as Duplex).writableLength > BEHIND_BYTES;
}

/** Beside topic and payload, more or less. */
const PACKET_OVERHEAD_BYTES = 16;

/** Bytes of a packet as it is sent, more or less. */
export function sizeOf(packet: PublishPacket): number {
  const { topic, payload, properties } = packet;
  if (properties === undefined) return Buffer.byteLength(topic) + payload.length + PACKET_OVERHEAD_BYTES;
  return mqtt.generate({ ...packet, messageId: 1 }, { protocolVersion: 5 }).length;
}

/** Whether a subscriber of MQTT 5.0 takes packets of this size [MQTT5-3.1.2-24]; aedes leaves that to us. */
export function isTooLarge({ maximumPacketSize }: Client, packet: PublishPacket): boolean {
  const { topic, payload } = packet;
  if (maximumPacketSize === undefined) return false;
  const bytes = Buffer.byteLength(topic) + payload.length + PACKET_OVERHEAD_BYTES;
  return bytes > maximumPacketSize || sizeOf(packet) > maximumPacketSize;
}

/**
 * Publishers do not wait for subscribers. By itself aedes deals with a device's next packets only when every local
 * subscriber has taken the ones before, so that one frozen dashboard would hold up ingest until it is cut off.
 */
export function detachDelivery(broker: Aedes): void {
  const { mq } = internalsOf(broker);
  const emit = mq.emit.bind(mq);
  mq.emit = (packet, done) => {
    emit(packet);
    done?.();
    return mq;
  };
}
