import { createHash } from 'node:crypto';
import { EdgelogError } from '@edgelog/base';
import { parseJson } from '@edgelog/edge';
import type { StateTable } from '@edgelog/log';
import { crc32c } from '@edgelog/wire';
import { z } from 'zod';

interface Received {
  /** CRC-32C of topic and payload. */
  crc: number;
  durable: Promise<void>;
  isStored: boolean;
  /** Of an earlier run, which may have ended before local subscribers had it. */
  isUncertain: boolean;
}

interface Session {
  isClean: boolean;
  received: Map<number, Received>;
}

const storedSchema = z.object({
  clientId: z.string(),
  received: z.array(z.tuple([z.number().int().min(1).max(0xffff), z.number().int().min(0)])),
});

const PREFIX = 'qos2/';
/** Messages of one client between PUBLISH and PUBREL. */
export const UNRELEASED_MAX = 1000;

/** A client id may be longer than a key of the table. */
function keyOf(clientId: string): string {
  return PREFIX + createHash('sha256').update(clientId).digest('base64url');
}

/**
 * Packet ids of QoS 2 messages between PUBLISH and PUBREL, per client: a retransmission is not appended again
 * [MQTT-4.3.3-2]. The ids of persistent sessions are stored in the transaction that makes the reading durable, so the
 * rule holds over kill -9. A packet id that comes with other content is a new message of a client that has lost its
 * own state, not a repeat.
 */
export class Qos2Window {
  readonly #table: StateTable;
  readonly #sessions = new Map<string, Session>();
  readonly #dirty = new Set<string>();

  /** Takes up what the table holds. Throws DATA_DIR_INVALID. */
  constructor(table: StateTable) {
    this.#table = table;
    for (const [key, value] of table.entries(PREFIX)) {
      const parsed = storedSchema.safeParse(parseJson(value));
      if (!parsed.success) {
        throw new EdgelogError(
          'DATA_DIR_INVALID',
          `state entry ${JSON.stringify(key)}: ${z.prettifyError(parsed.error)}`,
        );
      }
      const received = parsed.data.received.map(([messageId, crc]): [number, Received] => [
        messageId,
        { crc, durable: Promise.resolve(), isStored: true, isUncertain: true },
      ]);
      this.#sessions.set(parsed.data.clientId, { isClean: false, received: new Map(received) });
    }
  }

  static checksum(topic: string, payload: Buffer): number {
    return crc32c(payload, crc32c(Buffer.from(topic)));
  }

  /** The promise of the first transmission, if this is a repeat. */
  repeated(clientId: string, messageId: number, crc: number): Promise<void> | undefined {
    const received = this.#sessions.get(clientId)?.received.get(messageId);
    return received?.crc === crc ? received.durable : undefined;
  }

  /** True, once, for a message that an earlier run stored: whether its local subscribers have it nobody knows. */
  isUncertain(clientId: string, messageId: number): boolean {
    const received = this.#sessions.get(clientId)?.received.get(messageId);
    if (received?.isUncertain !== true) return false;
    received.isUncertain = false;
    return true;
  }

  /** False where `add` would keep more ids than one client may hold. */
  hasRoom(clientId: string, messageId: number): boolean {
    const received = this.#sessions.get(clientId)?.received;
    return received === undefined || received.size < UNRELEASED_MAX || received.has(messageId);
  }

  add(client: { id: string; clean: boolean }, messageId: number, crc: number, durable: Promise<void>): void {
    let session = this.#sessions.get(client.id);
    if (session === undefined) {
      session = { isClean: client.clean, received: new Map() };
      this.#sessions.set(client.id, session);
    }
    session.isClean = client.clean;
    session.received.set(messageId, { crc, durable, isStored: false, isUncertain: false });
  }

  /** To be called in the turn that makes the reading durable; `save` ends that turn. */
  stored(clientId: string, messageId: number, crc: number): void {
    const session = this.#sessions.get(clientId);
    const received = session?.received.get(messageId);
    if (session === undefined || received?.crc !== crc || session.isClean) return;
    received.isStored = true;
    this.#dirty.add(clientId);
  }

  /** PUBREL: the id is free again. True if that must be made durable before PUBCOMP. */
  release(clientId: string, messageId: number): boolean {
    const session = this.#sessions.get(clientId);
    const received = session?.received.get(messageId);
    if (session === undefined || received === undefined) return false;
    session.received.delete(messageId);
    if (session.received.size === 0) this.#sessions.delete(clientId);
    if (received.isStored) this.#dirty.add(clientId);
    return received.isStored;
  }

  /** The session ended, or a new one began [MQTT-3.1.2-6]. True if anything stored must go. */
  forget(clientId: string): boolean {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return false;
    this.#sessions.delete(clientId);
    const wasStored = [...session.received.values()].some(({ isStored }) => isStored);
    if (wasStored) this.#dirty.add(clientId);
    return wasStored;
  }

  /** Writes what changed in this turn. */
  save(): void {
    if (this.#dirty.size === 0) return;
    for (const clientId of this.#dirty) {
      const stored = [...(this.#sessions.get(clientId)?.received ?? [])].filter(
        ([, { isStored }]) => isStored,
      );
      if (stored.length === 0) this.#table.delete(keyOf(clientId));
      else {
        const received = stored.map(([messageId, { crc }]) => [messageId, crc]);
        this.#table.put(keyOf(clientId), Buffer.from(JSON.stringify({ clientId, received })));
      }
    }
    this.#dirty.clear();
  }
}
