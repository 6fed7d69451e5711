import type { IPublishPacket, MqttClient } from 'mqtt';

type PacketDone = (error?: Error | null, reasonCode?: number) => void;
type CustomAck = (topic: string, payload: Buffer, packet: IPublishPacket, done: PacketDone) => void;

/** The part of mqtt.js 5 that is used beyond its published types. */
interface Internals {
  options: { customHandleAcks: CustomAck };
  incomingStore: { get(packet: object, done: (error: Error | null, packet: object) => void): void };
}

export interface Taking {
  /** Takes a PUBLISH; calls `next` when the following packet may be dealt with. */
  onPublish(packet: IPublishPacket, next: () => void): void;
  /** Takes a PUBREL. */
  onRelease(messageId: number): void;
}

/** What mqtt.js is told instead of "done": it goes on with the next packet, and leaves the acknowledgement to us. */
const LATER = new Error('acknowledged later');

/** True for what mqtt.js reports because it was told `LATER`. */
export function isLater(error: Error): boolean {
  return error === LATER;
}

/**
 * Takes the messages out of mqtt.js' hands. By itself it deals with a connection's next packet when it has acknowledged the one before,
 * which is one flush a message; and acknowledges QoS 2 before anybody was asked, out of a store in memory.
 */
export function takeMessages(client: MqttClient, { onPublish, onRelease }: Taking): void {
  const internals = client as unknown as Internals;
  const released = new WeakSet<object>();
  internals.options.customHandleAcks = (_topic, _payload, packet, done) => {
    if (packet.qos === 2) onPublish(packet, () => done(LATER));
    else done(null, 0);
  };
  internals.incomingStore.get = ({ messageId }: { messageId: number }, done) => {
    const marker = { cmd: 'publish', messageId, topic: '', payload: Buffer.alloc(0) };
    released.add(marker);
    done(null, marker);
  };
  client.handleMessage = (packet, done) => {
    if (released.has(packet)) {
      onRelease(packet.messageId!);
      done(LATER);
    } else onPublish(packet, () => done(LATER));
  };
}
