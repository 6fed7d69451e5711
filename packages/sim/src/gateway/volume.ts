import { EdgelogError } from '@edgelog/base';
import type { Clock } from '../clock.ts';
import type { Prng } from '../prng.ts';
import { cloneImage, copyImage, emptyImage, type Image, physicalBytes, unlinkDead } from './image.ts';

export interface VolumeOptions {
  clock: Clock;
  prng: Prng;
  /** A group commit takes from nothing to this long, ms. */
  flushMsMax: number;
  segmentBytes: number;
  /** What the file system holds at most, the log and others together, bytes. */
  capacityBytes: number;
  /** Bugs of the store itself, which the checker has to find. */
  faults?: VolumeFaults;
}

export interface VolumeFaults {
  /** Says that it is on disk when it is not. */
  ackBeforeFlush?: boolean;
  /** A seal takes the tail with it, but not the newest chunk. */
  sealLosesTail?: boolean;
  /** What is freed goes at once, what it depends on with the next commit. */
  freesBeforeCommit?: boolean;
}

type Operation = (image: Image) => void;

interface Group {
  operations: Operation[];
  costBytes: number;
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Pages that the store's files have left over. */
const SPARE_BYTES = 4096;

/**
 * A gateway's disk: what was committed, and what a process believes to have written. Everything enqueued in one turn commits together; a
 * crash takes what was not committed; a commit without room fails, and with it the process.
 */
export class Volume {
  readonly options: VolumeOptions;
  /** What others have on this file system. */
  foreignBytes = 0;
  /** Commits take this much longer. */
  stallMs = 0;
  durable: Image = emptyImage();
  live: Image = emptyImage();
  onFatal: (error: EdgelogError) => void = () => {};
  #gathering: Group | undefined;
  #underWay: Group | undefined;
  #life = 0;
  #failure: EdgelogError | undefined;

  constructor(options: VolumeOptions) {
    this.options = options;
  }

  get freeBytes(): number {
    return Math.max(0, this.options.capacityBytes - this.foreignBytes - physicalBytes(this.durable));
  }

  /** On its way to the disk. */
  get pendingBytes(): number {
    return (this.#gathering?.costBytes ?? 0) + (this.#underWay?.costBytes ?? 0);
  }

  /** Does it now, and durably with the next commit; `costBytes` is what it needs on disk beyond what it frees. */
  do(operation: Operation, costBytes = 0): Promise<void> {
    if (this.#failure !== undefined) return rejected(this.#failure);
    operation(this.live);
    this.#gathering ??= this.#newGroup();
    this.#gathering.operations.push(operation);
    this.#gathering.costBytes += costBytes;
    return this.options.faults?.ackBeforeFlush ? Promise.resolve() : this.#gathering.promise;
  }

  flushed(): Promise<void> {
    if (this.#failure !== undefined) return rejected(this.#failure);
    return (this.#gathering ?? this.#underWay)?.promise ?? Promise.resolve();
  }

  /** kill -9: what was not committed is gone, and nobody waits any more. */
  crash(): void {
    this.#life++;
    this.#gathering = undefined;
    this.#underWay = undefined;
    this.#failure = undefined;
    this.live = copyImage(this.durable);
  }

  backup(): Image {
    return cloneImage(this.durable);
  }

  /** Another disk is put in; implies a restart. */
  restore(image: Image): void {
    this.durable = cloneImage(image);
    this.crash();
  }

  #newGroup(): Group {
    const group = { operations: [], costBytes: 0, ...Promise.withResolvers<void>() };
    group.promise.catch(() => {}); // a rejection that nobody waits for
    if (this.#underWay === undefined) this.#beginSoon();
    return group;
  }

  /** At the end of this turn. */
  #beginSoon(): void {
    const life = this.#life;
    this.options.clock.after(0, () => {
      if (life === this.#life) this.#begin();
    });
  }

  #begin(): void {
    const group = this.#gathering;
    if (group === undefined || this.#underWay !== undefined) return;
    this.#gathering = undefined;
    this.#underWay = group;
    const { clock, prng, flushMsMax } = this.options;
    const life = this.#life;
    clock.after(prng.between(0, flushMsMax) + this.stallMs, () => {
      if (life === this.#life) this.#end(group);
    });
  }

  #end(group: Group): void {
    this.#underWay = undefined;
    if (group.costBytes > Math.max(this.freeBytes, SPARE_BYTES)) {
      this.#fail(group);
      return;
    }
    for (const operation of group.operations) operation(this.durable);
    const isDeadInBoth = (id: number) => this.live.segments.get(id)?.live === 0 && id !== this.live.active;
    for (const id of unlinkDead(this.durable, isDeadInBoth)) this.live.segments.delete(id);
    group.resolve();
    if (this.#gathering !== undefined) this.#beginSoon();
  }

  #fail(group: Group): void {
    this.#failure = new EdgelogError('STORE_FAILED', 'no space left on device');
    group.reject(this.#failure);
    this.#gathering?.reject(this.#failure);
    this.#gathering = undefined;
    this.onFatal(this.#failure);
  }
}

function rejected(error: EdgelogError): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
