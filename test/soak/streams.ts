const KIB = 1024;
const MIB = 1024 * KIB;

/** A topic of the run and who writes to it. */
export interface SoakTopic {
  name: string;
  partitions: number;
  /** Bytes of batches that must be kept of each partition, or how long they must be; a compacted topic has neither. */
  retentionBytes?: number;
  retentionMs?: number;
  compacted?: boolean;
  producer: {
    /** Connections, each with its requests in flight and one batch in each request. */
    connections: number;
    inFlight: number;
    batchBytes: number;
    recordBytes: number;
    /** Batches a second of each connection; as fast as it can where there is none. */
    batchesPerSecond?: number;
  };
}

/** Two that take what they can get, and beside them partitions that fill slowly and are kept for longer. */
export const TOPICS: readonly SoakTopic[] = [
  {
    name: 'bulk',
    partitions: 6,
    retentionBytes: 64 * MIB,
    producer: { connections: 2, inFlight: 5, batchBytes: 16 * KIB, recordBytes: 1000 },
  },
  {
    name: 'large',
    partitions: 3,
    retentionMs: 10_000,
    producer: { connections: 1, inFlight: 3, batchBytes: 128 * KIB, recordBytes: 1000 },
  },
  {
    name: 'small',
    partitions: 3,
    retentionBytes: 16 * MIB,
    producer: { connections: 1, inFlight: 5, batchBytes: 1 * KIB, recordBytes: 100, batchesPerSecond: 500 },
  },
  {
    name: 'slow',
    partitions: 2,
    retentionMs: 120_000,
    producer: { connections: 1, inFlight: 1, batchBytes: 8 * KIB, recordBytes: 200, batchesPerSecond: 20 },
  },
  {
    name: 'latest',
    partitions: 1,
    compacted: true,
    producer: { connections: 1, inFlight: 1, batchBytes: 16 * KIB, recordBytes: 200, batchesPerSecond: 40 },
  },
];

/** Topic configs in Kafka's names. */
export function configsOf({ retentionBytes, retentionMs, compacted }: SoakTopic): Record<string, string> {
  if (compacted === true) return { 'cleanup.policy': 'compact' };
  return { 'retention.bytes': String(retentionBytes ?? -1), 'retention.ms': String(retentionMs ?? -1) };
}
