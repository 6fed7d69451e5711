/** A record header. Keys may repeat within a record; a value may be null [KIP-82]. */
export interface RecordHeader {
  key: string;
  value: Buffer | null;
}

/** A record as read from a batch. Buffers are views of the batch (or of its decompressed records section). */
export interface BatchRecord {
  offset: number;
  /** Milliseconds since the epoch, or −1 for none; the broker's own where the batch says so. */
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: RecordHeader[];
}
