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

/** The partitions that runs were opened on, by topic id and number. */
export class Partitions {
  readonly #deps: PartitionsDeps;
  readonly #partitions = new Map<string, SharedPartition>();

  constructor(deps: PartitionsDeps) {
    this.#deps = deps;
  }

  get(place: Place): SharedPartition {
    const key = `${place.topicId}-${place.partition}`;
    const known = this.#partitions.get(key);
    if (known !== undefined) return known;
    const { cluster } = this.#deps;
    let end = 0;
    const rounds = new Rounds(async () => {
      const found = await survey(cluster, place, this.#deps);
      end = found.ends.highWatermark;
      return found;
    });
    const scanner = new Scanner({ ...this.#deps, endOf: () => end }, place);
    const made = { scanner, survey: () => rounds.next() };
    this.#partitions.set(key, made);
    return made;
  }

  get scannedBytes(): number {
    let bytes = 0;
    for (const { scanner } of this.#partitions.values()) bytes += scanner.scannedBytes;
    return bytes;
  }

  *scans(): Iterable<{ topic: string; partition: number; offset: number; end: number }> {
    for (const { scanner } of this.#partitions.values()) {
      const { place, progress } = scanner;
      if (progress === undefined) continue;
      const { topic, partition } = place;
      yield { topic, partition, offset: progress.offset, end: progress.end };
    }
  }
}
