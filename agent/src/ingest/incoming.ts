import type { RecordHeader } from '@edgelog/wire';

/** A message as its source hands it over. */
export interface Incoming {
  kind: 'mqtt' | 'serial' | 'subscription';
  /** MQTT topic, or the serial port's name: what route patterns match, and the key by default. */
  name: string;
  value: Buffer;
  /** `edgelog.gateway`, `edgelog.source`: shared by all messages of a source. */
  headers: readonly RecordHeader[];
  /** MQTT 5 user properties and the like of this message; appended behind the shared headers. */
  properties?: readonly RecordHeader[];
  /** As in `Reading`. */
  waiter?: object;
}

/** Where all sources hand their messages in. */
export interface Ingest {
  /**
   * Takes a message through the routes into streams. All or nothing: throws LIMIT_EXCEEDED, DISK_FULL, STORE_FAILED or
   * STORE_CLOSED, and then nothing was taken. `alongside` runs once, in the turn that makes the last of its records
   * durable. What a rule drops or samples out resolves at once, and is counted.
   */
  take(message: Incoming, alongside?: () => void): Taken;
}

export interface Taken {
  /** Resolves when all records of the message are on disk. Rejects with STORE_FAILED. */
  durable: Promise<void>;
}
