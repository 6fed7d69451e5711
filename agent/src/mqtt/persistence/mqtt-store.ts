import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import type { Alarms } from '@edgelog/edge';
import type { Client } from 'aedes';
import { HandedOn } from './handed-on.ts';
import type { Message } from './message.ts';
import type { Owner } from './owner.ts';
import { Persistence } from './persistence.ts';
import { type RetainedLimits, RetainedMessages } from './retained.ts';
import type { QueueLimits, QueueShare } from './session-queue.ts';
import { type Session, Sessions } from './sessions.ts';
import { StorePlace } from './store-place.ts';
import { type DiskTable, Table, type TableOptions } from './table.ts';
import { Wills } from './wills.ts';

export interface MqttStoreOptions {
  /** The agent's data directory; the store is in its `mqtt`. */
  dir: string;
  alarms: Alarms;
  /** Life of a session without a connection, s: of MQTT 3.1.1, and the longest for MQTT 5. */
  sessionExpirySeconds: number;
  /** There was no room to queue a message for a session. */
  onDrop: (clientId: string) => void;
  /** There was no room to retain a message. */
  onRetainedDrop: (topic: string) => void;
  /** What the file may take on disk, roughly. Default: no bound but the limits. */
  maxBytes?: number;
  limits?: Partial<MqttStoreLimits>;
  /** What may be kept in memory while the store cannot be written. */
  memoryBytes?: number;
  /** How often it is tried again. */
  retryMs?: TableOptions['retryMs'];
  /** Who has connected: his the session is, and the will. Default: nobody was asked. */
  ownerOf?: (client: Client) => Owner | undefined;
  /** Whether the log has this QoS 2 message and its publisher has not released it. Default: it has none. */
  isUnreleased?: (message: { clientId: string; messageId: number; crc: number }) => boolean;
  /** Clients of before the start get this long to come back before their wills are published; default 30 s. */
  willGraceMs?: number;
  now?: () => number;
  monotonicMs?: () => number;
}

export interface MqttStoreLimits {
  queue: QueueLimits;
  retained: RetainedLimits;
}

const MIB = 1024 * 1024;
const ON_DISK: MqttStoreLimits = {
  queue: { messages: 100_000, bytes: 32 * MIB, allBytes: 128 * MIB },
  retained: { messages: 100_000, bytes: 64 * MIB },
};
/** Where there is no disk to trust. */
const IN_MEMORY: MqttStoreLimits = {
  queue: { messages: 10_000, bytes: 4 * MIB, allBytes: 16 * MIB },
  retained: { messages: 10_000, bytes: 8 * MIB },
};
/** What cannot be written to a store that fails. */
const MEMORY_BYTES = 24 * MIB;
const ALARM = 'mqtt store';
/** Tells of what is lost, however the store is now. */
const DAMAGE_ALARM = 'damaged mqtt store';
const WILL_GRACE_MS = 30_000;
/** Sessions that /status names. */
const LISTED_MAX = 100;

export interface SessionStatus {
  clientId: string;
  connected: boolean;
  subscriptions: number;
  queuedMessages: number;
  queuedBytes: number;
  /** Sent and not acknowledged; null while it is not connected. */
  inFlight: number | null;
  /** Since the agent started. */
  dropped: number;
  /** Null while it is connected. */
  expiresInMs: number | null;
}

export interface MqttStoreStatus {
  /** False: what local subscribers have coming is in memory; an alarm says why. */
  onDisk: boolean;
  retained: { messages: number; bytes: number };
  queuedBytes: number;
  /** Of clients that are connected, and of those that a crash cut off. */
  wills: number;
  /** How many there are; the first hundred are listed. */
  sessions: number;
  list: SessionStatus[];
}

/** What the broker keeps for its local clients: retained messages, sessions with their queues, wills. */
export interface MqttStore {
  /** For aedes. */
  readonly persistence: Persistence;
  /** Publishers' messages of QoS 2 that the queues have. */
  readonly handedOn: HandedOn;
  /** Whether any session gets the messages of this topic by its queue. */
  isQueued(topic: string): boolean;
  /** Whether a message that was read here is still what its topic retains. */
  isRetained(message: Pick<Message, 'topic' | 'payload'>): boolean;
  /** Whose the session of this client id is, or a will that is not published yet. */
  ownerOf(clientId: string): Owner | undefined;
  status(): MqttStoreStatus;
  /** Resolves when everything is on disk. */
  close(): Promise<void>;
}

/**
 * Opens the store of the broker in an LMDB file of its own. It never stops ingest: a damaged store is set aside as `mqtt.damaged` and
 * a new one begun; where there is none to be had (a full disk at the start leaves what is there as it is), the broker goes on in memory,
 * within lower limits. So it does while writing fails: that is tried again until it works. An alarm says so.
 */
export function openMqttStore(options: MqttStoreOptions): MqttStore {
  const { alarms } = options;
  const place = new StorePlace(join(options.dir, 'mqtt'));
  const onDisk = () => {
    const store = storeIn(place.open(), options);
    place.opened();
    return store;
  };
  try {
    try {
      return onDisk();
    } catch (error) {
      if (!isDamage(error)) {
        place.opened();
        throw error;
      }
      const told = `the broker's store was set aside as ${place.setAside()} and begun anew: ${reasonOf(error)}`;
      alarms.raise(DAMAGE_ALARM, told, 'events');
      return onDisk();
    }
  } catch (error) {
    alarms.raise(
      ALARM,
      `cannot be opened, sessions and retained messages are kept in memory: ${reasonOf(error)}`,
    );
    return storeIn(undefined, options);
  }
}

function storeIn(disk: DiskTable | undefined, options: MqttStoreOptions): MqttStore {
  const { alarms, onDrop, onRetainedDrop, willGraceMs = WILL_GRACE_MS, now = Date.now } = options;
  const { monotonicMs = () => performance.now() } = options;
  const limits = {
    ...within(disk === undefined ? IN_MEMORY : ON_DISK, options.maxBytes),
    ...options.limits,
  };
  let damagedRows = 0;
  const table = new Table({
    disk,
    onFailure: (error, isForGood) => {
      const until = isForGood ? 'the next start' : 'it can be written again';
      const message = `cannot be written, changes of sessions and retained messages are kept in memory until ${until}: ${reasonOf(error)}`;
      alarms.raise(ALARM, message);
    },
    onRecovery: () => alarms.clear(ALARM),
    memoryBytes: options.memoryBytes ?? MEMORY_BYTES,
    ...(options.retryMs !== undefined && { retryMs: options.retryMs }),
    onDamage: () => {
      damagedRows++;
      const told = `${damagedRows} damaged rows of the broker's store, of sessions or retained messages, were left out`;
      alarms.raise(DAMAGE_ALARM, told, 'events');
    },
  });
  const share: QueueShare = { table, limits: limits.queue, allBytes: 0 };
  const sessions = new Sessions({
    table,
    share,
    expirySeconds: options.sessionExpirySeconds,
    monotonicMs,
    onFlushed: (clientId) => persistence.flushed(clientId),
  });
  const retained = new RetainedMessages(table, limits.retained, onRetainedDrop);
  const wills = new Wills(table);
  const persistence: Persistence = new Persistence({
    table,
    sessions,
    retained,
    wills,
    onDrop,
    willGraceMs,
    ownerOf: options.ownerOf ?? (() => undefined),
    now,
  });
  const handedOn = new HandedOn(table, options.isUnreleased ?? (() => false));
  const statusOf = (session: Session): SessionStatus => ({
    clientId: session.clientId,
    connected: session.leftAtMs === null,
    subscriptions: session.subscriptions.size,
    queuedMessages: session.queue.messages,
    queuedBytes: session.queue.bytes,
    inFlight: persistence.inFlight(session.clientId) ?? null,
    dropped: session.dropped,
    expiresInMs: sessions.expiresInMs(session) ?? null,
  });

  return {
    persistence,
    handedOn,
    isRetained: (message) => retained.has(message),
    isQueued: (topic) => sessions.matching(topic).length > 0,
    ownerOf: (clientId) => sessions.get(clientId)?.owner ?? wills.ownerOf(clientId),
    status: () => ({
      onDisk: table.isOnDisk,
      retained: { messages: retained.messages, bytes: retained.bytes },
      queuedBytes: share.allBytes,
      wills: wills.count,
      sessions: sessions.size,
      list: [...sessions.list()].slice(0, LISTED_MAX).map(statusOf),
    }),
    async close() {
      await persistence.willsPublished();
      await persistence.destroy();
      sessions.close();
      await table.close();
    },
  };
}

/** Not what the machine refuses: no room, no rights, no file descriptor. */
function isDamage(error: unknown): boolean {
  if (error instanceof EdgelogError) return error.code === 'DATA_DIR_INVALID';
  return !(error instanceof Error && 'syscall' in error);
}

/** Half for queues, a quarter for retained messages; the rest goes for pages that are not full. */
function within({ queue, retained }: MqttStoreLimits, maxBytes = Number.POSITIVE_INFINITY): MqttStoreLimits {
  const allBytes = Math.min(queue.allBytes, Math.floor(maxBytes / 2));
  return {
    queue: { ...queue, allBytes, bytes: Math.min(queue.bytes, allBytes) },
    retained: { ...retained, bytes: Math.min(retained.bytes, Math.floor(maxBytes / 4)) },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
