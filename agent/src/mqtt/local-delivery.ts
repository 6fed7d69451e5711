import type { Aedes, PublishPacket as AedesPublishPacket, Client } from 'aedes';
import { internalsOf } from './aedes-internals.ts';
import { LocalInterest } from './local-interest.ts';
import { toPacketProperties } from './message-properties.ts';
import type { PublishPacket } from './publish-packet.ts';

/** A device's message as aedes knows them. The payload stays a view. */
export function toAedesPacket(packet: PublishPacket): AedesPublishPacket {
  const { topic, payload, qos, isRetained, properties } = packet;
  return {
    cmd: 'publish',
    topic,
    payload,
    qos,
    retain: isRetained,
    dup: false,
    ...(properties !== undefined && { properties: toPacketProperties(properties) }),
  };
}

/** Messages to local subscribers, which aedes serves: retained messages, queues of persistent sessions, those connected. */
export class LocalDelivery {
  readonly #broker: Aedes;
  readonly #interest: LocalInterest;

  constructor(broker: Aedes) {
    this.#broker = broker;
    this.#interest = new LocalInterest(broker);
  }

  /** Whether the message concerns anybody here. */
  isWanted({ topic, isRetained }: PublishPacket): boolean {
    return isRetained || this.#interest.has(topic);
  }

  /** Resolves when queues and retained messages hold it; what aedes cannot deliver is in the log nevertheless. */
  deliver(client: Client, packet: PublishPacket): Promise<void> {
    return new Promise((resolve) =>
      internalsOf(this.#broker).publish(toAedesPacket(packet), client, () => resolve()),
    );
  }
}
