import { statfsSync } from 'node:fs';
import type { LogStoreStats } from '@edgelog/log';
import type { Alarms } from './alarms.ts';
import type { Reserve } from './reserve.ts';
import type { WhenFull } from './topic-policy.ts';

/**
 * How much room there is. `tight`: topics that reject are refused, the oldest of the others is dropped. `full`: nothing is taken; what is
 * left is for sealing, sending and freeing what was taken.
 */
export type DiskLevel = 'free' | 'tight' | 'full';

export interface DiskStatus {
  /** What the log takes on disk, its journal and its reserve with it, what is on its way there, and what else the gateway keeps. */
  usedBytes: number;
  maxBytes: number;
  /** Free for this user on the file system. */
  freeBytes: number;
  level: DiskLevel;
  /** Topics that reject are refused. */
  isFull: boolean;
}

export interface DiskOptions {
  dir: string;
  maxBytes: number;
  segmentBytes: number;
  stats: () => LogStoreStats;
  /** What the file system has left. Default: asked of the one that `dir` is on. */
  freeBytes?: () => number;
  /** What else the gateway keeps on disk, for which the budget has to suffice too. Default: nothing. */
  besideBytes?: () => number;
  /** Default: none. */
  reserve?: Reserve;
  alarms: Alarms;
}

const ALARM = 'disk full';
const CHECK_EVERY_SEGMENT_SHARE = 1 / 8;
/** Segments of room at which it gets tight, and below which nothing is taken. */
const TIGHT_SEGMENTS = 2;
const FULL_SEGMENTS = 1;

/** The disk budget: what the log takes and what the file system has left, measured in whole segments of room. */
export class Disk {
  readonly #options: DiskOptions;
  #status: DiskStatus;
  #bytesSinceCheck = 0;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#status = this.#measure(0);
  }

  get level(): DiskLevel {
    return this.#status.level;
  }

  get isFull(): boolean {
    return this.#status.isFull;
  }

  get segmentBytes(): number {
    return this.#options.segmentBytes;
  }

  /** What has to be freed until not all topics are refused; 0 where they are not. */
  get lackBytes(): number {
    const { usedBytes, maxBytes, freeBytes, level } = this.#status;
    if (level !== 'full') return 0;
    return FULL_SEGMENTS * this.segmentBytes - Math.min(maxBytes - usedBytes, freeBytes) + 1;
  }

  refuses(whenFull: WhenFull): boolean {
    return this.level === 'full' || (this.level === 'tight' && whenFull === 'reject');
  }

  status(): DiskStatus {
    return this.#status;
  }

  /** Whether it is time to measure, `bytes` more being taken: fast devices must not overrun the budget between two timed checks. */
  isCheckDue(bytes: number): boolean {
    this.#bytesSinceCheck += bytes;
    return this.#bytesSinceCheck >= this.#options.segmentBytes * CHECK_EVERY_SEGMENT_SHARE;
  }

  /** Measures anew; `comingBytes` are on their way to the log, which has not been handed them yet. */
  check(comingBytes = 0): void {
    const { alarms } = this.#options;
    this.#bytesSinceCheck = 0;
    this.#status = this.#measure(comingBytes);
    this.#keepReserve();
    if (this.#status.isFull) alarms.raise(ALARM, this.#complaint());
    else alarms.clear(ALARM);
  }

  /** Given up while the disk has less left than it holds, taken again when there is room beside it. */
  #keepReserve(): void {
    const { reserve, segmentBytes } = this.#options;
    if (reserve === undefined) return;
    const { freeBytes, level } = this.#status;
    if (reserve.isHeld && freeBytes < Math.min(reserve.sizeBytes, segmentBytes)) reserve.give();
    else if (level === 'free' && freeBytes > TIGHT_SEGMENTS * segmentBytes + reserve.sizeBytes) {
      reserve.take();
    }
  }

  #complaint(): string {
    const { dir, maxBytes, segmentBytes } = this.#options;
    const { usedBytes, freeBytes, level } = this.#status;
    const who = level === 'full' ? 'all topics' : 'topics that reject';
    return maxBytes - usedBytes <= TIGHT_SEGMENTS * segmentBytes
      ? `the log in ${dir} has used up its budget of ${maxBytes} bytes; ${who} are refused until a hub has taken data`
      : `the file system of ${dir} has only ${Math.floor(freeBytes / 2 ** 20)} MiB left; ${who} are refused until there is more`;
  }

  #measure(comingBytes: number): DiskStatus {
    const { dir, maxBytes, segmentBytes, stats, reserve } = this.#options;
    const besideBytes = this.#options.besideBytes?.() ?? 0;
    const { diskBytes, pendingBytes } = stats();
    const usedBytes = diskBytes + pendingBytes + comingBytes + besideBytes + (reserve?.bytes ?? 0);
    const freeBytes = (this.#options.freeBytes ?? (() => freeBytesOf(dir)))();
    const room = Math.min(maxBytes - usedBytes, freeBytes) / segmentBytes;
    const level = room <= FULL_SEGMENTS ? 'full' : room <= TIGHT_SEGMENTS ? 'tight' : 'free';
    return { usedBytes, maxBytes, freeBytes, level, isFull: level !== 'free' };
  }
}

/** A file system that does not answer has no room. */
function freeBytesOf(dir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
