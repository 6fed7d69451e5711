import type { SyncLog } from '@edgelog/sync';
import type { FoundBatch, Place, SinkCluster } from './cluster.ts';

export interface Search {
  readonly producerId: number;
  /** First offset looked at. */
  readonly from: number;
  /** Where it ends; undefined: at the high watermark. */
  readonly until: number | undefined;
  /** The high watermark that the searcher knows: all before it is to be looked at. */
  readonly end: number;
  /** Shown each batch of the producer, in order; true: nothing further is wanted. */
  readonly visit: (batch: FoundBatch) => boolean;
}

interface Running extends Search {
  /** It came while the pass was under way: the pass may be over already, or end before what this one knows of. */
  readonly isLate: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

interface Pass {
  readonly searches: Map<number, Running>;
  offset: number;
  end: number;
}

const PROGRESS_MS = 10_000;

export interface ScannerDeps {
  readonly cluster: SinkCluster;
  readonly log: SyncLog;
  readonly monotonic: () => number;
  /** Where the partition ends, for messages. */
  readonly endOf: (place: Place) => number;
}

/**
 * Looks for producers in what is committed of one partition. All who look at the same time share one pass over it, from the least offset
 * that anybody wants; who comes while one is under way is in it if it has not come past what he wants, else in the next.
 */
export class Scanner {
  readonly #deps: ScannerDeps;
  readonly place: Place;
  readonly #waiting: Running[] = [];
  #pass: Pass | undefined;
  scannedBytes = 0;

  constructor(deps: ScannerDeps, place: Place) {
    this.#deps = deps;
    this.place = place;
  }

  get progress(): { offset: number; end: number } | undefined {
    return this.#pass;
  }

  /** Resolves when all is looked at, up to the high watermark as it is then, or nothing further is wanted. */
  search(search: Search): Promise<void> {
    return new Promise((resolve, reject) => {
      const pass = this.#pass;
      const isLate =
        pass !== undefined && search.from >= pass.offset && !pass.searches.has(search.producerId);
      const running = { ...search, isLate, resolve, reject };
      if (isLate) pass.searches.set(search.producerId, running);
      else this.#waiting.push(running);
      if (pass === undefined) void this.#run();
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const pass: Pass = {
        searches: new Map(),
        offset: Number.POSITIVE_INFINITY,
        end: this.#deps.endOf(this.place),
      };
      for (let i = 0; i < this.#waiting.length; ) {
        const search = this.#waiting[i]!;
        if (pass.searches.has(search.producerId)) {
          i++;
          continue;
        }
        pass.searches.set(search.producerId, search);
        pass.offset = Math.min(pass.offset, search.from);
        this.#waiting.splice(i, 1);
      }
      this.#pass = pass;
      try {
        const at = await this.#scan(pass);
        for (const search of pass.searches.values()) {
          const isShort = search.isLate && at < Math.min(search.end, search.until ?? search.end);
          if (isShort) this.#waiting.push({ ...search, isLate: false, from: Math.max(search.from, at) });
          else search.resolve();
        }
      } catch (error) {
        for (const { reject } of pass.searches.values()) reject(error);
      }
      this.#pass = undefined;
    }
  }

  /** Resolves with the offset up to which it looked. */
  async #scan(pass: Pass): Promise<number> {
    const { cluster, log, monotonic } = this.#deps;
    let toldAt = monotonic();
    const from = pass.offset;
    return cluster.scan(this.place, pass.offset, (batch) => {
      const { header } = batch;
      this.#endBefore(pass, header.baseOffset);
      pass.offset = header.lastOffset + 1;
      this.scannedBytes += header.sizeBytes;
      const search = pass.searches.get(header.producerId);
      if (search !== undefined && header.lastOffset >= search.from && search.visit(batch)) {
        pass.searches.delete(header.producerId);
        search.resolve();
      }
      const now = monotonic();
      if (now - toldAt >= PROGRESS_MS) {
        toldAt = now;
        const { offset, end, searches } = pass;
        const { topic, partition } = this.place;
        log.info('looking for where runs stand', {
          topic,
          partition,
          from,
          offset,
          end,
          runs: searches.size,
        });
      }
      return pass.searches.size > 0;
    });
  }

  #endBefore({ searches }: Pass, offset: number): void {
    for (const [producerId, { until, resolve }] of searches) {
      if (until === undefined || offset < until) continue;
      searches.delete(producerId);
      resolve();
    }
  }
}
