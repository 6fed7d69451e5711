import { statfsSync } from 'node:fs';
import type { LogStoreStats } from '@edgelog/log';
import type { Alarms } from './alarms.ts';

export interface DiskStatus {
  /** What the log takes on disk. */
  usedBytes: number;
  maxBytes: number;
  /** Free for this user on the file system. */
  freeBytes: number;
  isFull: boolean;
}

export interface DiskOptions {
  dir: string;
  maxBytes: number;
  segmentBytes: number;
  stats: () => LogStoreStats;
  /** What the file system has left. Default: asked of the one that `dir` is on. */
  freeBytes?: () => number;
  alarms: Alarms;
}

const ALARM = 'disk full';
const CHECK_EVERY_SEGMENT_SHARE = 1 / 8;

/**
 * The disk budget, policy `reject`: no reading is taken once the log is within one segment of its budget, or the file
 * system within two of its end, so that what was taken can still be sealed, rolled, sent and freed.
 */
export class Disk {
  readonly #options: DiskOptions;
  #status: DiskStatus;
  #bytesSinceCheck = 0;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#status = this.#measure();
  }

  get isFull(): boolean {
    return this.#status.isFull;
  }

  status(): DiskStatus {
    return this.#status;
  }

  /** Whether it is time to measure, `bytes` more being taken: fast devices must not overrun the budget between two timed checks. */
  isCheckDue(bytes: number): boolean {
    this.#bytesSinceCheck += bytes;
    return this.#bytesSinceCheck >= this.#options.segmentBytes * CHECK_EVERY_SEGMENT_SHARE;
  }

  /** Measures anew. */
  check(): void {
    const { alarms } = this.#options;
    this.#bytesSinceCheck = 0;
    this.#status = this.#measure();
    const { isFull, usedBytes, maxBytes, freeBytes } = this.#status;
    if (!isFull) {
      alarms.clear(ALARM);
      return;
    }
    const { dir } = this.#options;
    alarms.raise(
      ALARM,
      usedBytes >= this.#limitBytes
        ? `the log in ${dir} has used up its budget of ${maxBytes} bytes; devices are refused until a hub has taken data`
        : `the file system of ${dir} has only ${Math.floor(freeBytes / 2 ** 20)} MiB left; devices are refused`,
    );
  }

  get #limitBytes(): number {
    return this.#options.maxBytes - this.#options.segmentBytes;
  }

  #measure(): DiskStatus {
    const { dir, maxBytes, segmentBytes, stats } = this.#options;
    const usedBytes = stats().physicalBytes;
    const freeBytes = (this.#options.freeBytes ?? (() => freeBytesOf(dir)))();
    return {
      usedBytes,
      maxBytes,
      freeBytes,
      isFull: usedBytes >= this.#limitBytes || freeBytes < 2 * segmentBytes,
    };
  }
}

function freeBytesOf(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
