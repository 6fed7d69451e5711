import type { Aedes } from 'aedes';
import { internalsOf } from './aedes-internals.ts';

export interface RetainedLimits {
  messages: number;
  bytes: number;
}

const LIMITS: RetainedLimits = { messages: 100_000, bytes: 64 * 1024 * 1024 };

/**
 * Bounds the retained messages that aedes keeps in memory, topics and payloads. Beyond, a message is passed on but not
 * retained, nor is what its topic held before: an old value would be taken for the present one. `onDrop` is called per
 * message. Each is copied: a view would keep all that came in the same read.
 */
export function boundRetained(
  broker: Aedes,
  onDrop: (topic: string) => void,
  limits: RetainedLimits = LIMITS,
): void {
  const persistence = internalsOf(broker).persistence;
  const { storeRetained } = persistence;
  const sizes = new Map<string, number>();
  let bytes = 0;
  persistence.storeRetained = (packet) => {
    const { topic } = packet;
    const payload = Buffer.from(packet.payload);
    bytes -= sizes.get(topic) ?? 0;
    sizes.delete(topic);
    if (payload.length === 0) return storeRetained.call(persistence, packet);
    const size = Buffer.byteLength(topic) + payload.length;
    if (sizes.size >= limits.messages || bytes + size > limits.bytes) {
      onDrop(topic);
      return storeRetained.call(persistence, { ...packet, payload: Buffer.alloc(0) });
    }
    sizes.set(topic, size);
    bytes += size;
    return storeRetained.call(persistence, { ...packet, payload });
  };
}
