import type { SyncLog } from '@edgelog/sync';
import type { Place, SinkCluster } from './cluster.ts';
import { Rounds } from './rounds.ts';
import { Scanner } from './scanner.ts';
import type { SinkTimers } from './sink-types.ts';
import { type Survey, survey } from './survey.ts';

export interface PartitionsDeps {
  readonly cluster: SinkCluster;
  readonly log: SyncLog;
  readonly timers: SinkTimers;
  readonly monotonic: () => number;
}

/** What all openings of runs that feed one partition share. */
export interface SharedPartition {
  readonly scanner: Scanner;
  /** What the leader knew at some moment after this call. */
  survey(): Promise<Survey>;
}

interface Used extends SharedPartition {
  users: number;
}

/** The partitions on which runs are being opened, by topic id and number. */
export class Partitions {
  readonly #deps: PartitionsDeps;
  readonly #used = new Map<string, Used>();
  /** By scans that are over. */
  #scannedBytes = 0;

  constructor(deps: PartitionsDeps) {
    this.#deps = deps;
  }

  /** What comes of `use`, for which the partition is kept. */
  async with<T>(place: Place, use: (partition: SharedPartition) => Promise<T>): Promise<T> {
    const key = `${place.topicId}-${place.partition}`;
    const partition = this.#used.get(key) ?? this.#make(place);
    this.#used.set(key, partition);
    partition.users++;
    try {
      return await use(partition);
    } finally {
      if (--partition.users === 0) {
        this.#used.delete(key);
        this.#scannedBytes += partition.scanner.scannedBytes;
      }
    }
  }

  #make(place: Place): Used {
    const { cluster } = this.#deps;
    let end = 0;
    const rounds = new Rounds(async () => {
      const found = await survey(cluster, place, this.#deps);
      end = found.ends.highWatermark;
      return found;
    });
    const scanner = new Scanner({ ...this.#deps, endOf: () => end }, place);
    return { scanner, survey: () => rounds.next(), users: 0 };
  }

  get scannedBytes(): number {
    let bytes = this.#scannedBytes;
    for (const { scanner } of this.#used.values()) bytes += scanner.scannedBytes;
    return bytes;
  }

  *scans(): Iterable<{ topic: string; partition: number; offset: number; end: number }> {
    for (const { scanner } of this.#used.values()) {
      const { place, progress } = scanner;
      if (progress === undefined) continue;
      const { topic, partition } = place;
      yield { topic, partition, offset: progress.offset, end: progress.end };
    }
  }
}
