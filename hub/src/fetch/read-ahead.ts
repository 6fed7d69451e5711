import type { ReadResult } from '@edgelog/log';
import type { Client } from '../net/dispatcher.ts';
import type { FramePool } from '../net/frame-pool.ts';
import type { Partition } from '../partition/partition.ts';

/** What all clients' pieces take together; beyond, the oldest go. */
const TOTAL_BYTES_MAX = 32 * 1024 * 1024;
/** A limit above this is no hint of what the client will take. */
const PIECE_BYTES_MAX = 4 * 1024 * 1024;

type Memory = Pick<FramePool, 'take' | 'giveBack'>;
type Reader = Pick<Client, 'isClosed' | 'whenClosed'>;

/** What a client is expected to fetch next of a partition. */
export interface Expected {
  readonly partition: Partition;
  readonly offset: number;
  readonly maxBytes: number;
}

interface Piece extends ReadResult {
  readonly client: Reader;
  readonly partition: Partition;
  /** Whose log it was read of, and in which epoch: under another one the log may have been cut. */
  readonly replica: Partition['replica'];
  readonly leaderEpoch: number;
  readonly offset: number;
  readonly memory: Memory;
  /** All that was taken of it. */
  readonly buffers: readonly Buffer[];
}

/**
 * Reads and checks what a client that works through a backlog will fetch next, while it works through what it was given: its
 * next fetch is answered at once. Little by little, so that sending goes on meanwhile. What was read and is not fetched after all
 * is let go when room is needed, the client is gone, or it fetches something else.
 */
export class ReadAhead {
  readonly #totalBytesMax: number;
  readonly #pieces = new Map<Reader, Map<Partition, Piece>>();
  /** The oldest first. */
  readonly #byAge = new Set<Piece>();
  readonly #expected = new Map<Reader, Expected[]>();
  #heldBytes = 0;

  constructor(totalBytesMax = TOTAL_BYTES_MAX) {
    this.#totalBytesMax = totalBytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * What was read of the partition from `offset` on, if it is within `maxBytes` or the least that has to be given. It is the
   * caller's then, its memory goes back with the response.
   */
  take(
    client: Reader,
    { partition, offset, maxBytes }: Expected,
    atLeastOne: boolean,
  ): ReadResult | undefined {
    this.#expected.delete(client); // the rest is read by this fetch itself
    const piece = this.#pieces.get(client)?.get(partition);
    if (piece === undefined) return undefined;
    const isAsItWas =
      piece.replica === partition.replica && piece.leaderEpoch === partition.leadership.leaderEpoch;
    const isFit =
      isAsItWas &&
      piece.offset === offset &&
      (piece.sizeBytes <= maxBytes || (atLeastOne && piece.batches.length === 1));
    this.#remove(piece);
    if (isFit) return piece;
    this.#giveBack(piece);
    return undefined;
  }

  /** Begins to read, after what is to be done now. */
  begin(client: Reader, expected: readonly Expected[], memory: Memory): void {
    const wanted = expected.filter(
      ({ partition: { log, highWatermark }, offset, maxBytes }) =>
        maxBytes <= PIECE_BYTES_MAX && offset < highWatermark && log.sizeBytesFrom(offset) >= maxBytes,
    );
    if (wanted.length === 0 || client.isClosed) return;
    const isRunning = this.#expected.has(client);
    this.#expected.set(client, wanted);
    if (isRunning) return;
    if (!this.#pieces.has(client)) {
      this.#pieces.set(client, new Map());
      client.whenClosed.add(() => this.#forget(client));
    }
    setImmediate(() => this.#readNext(client, memory));
  }

  #readNext(client: Reader, memory: Memory): void {
    const expected = this.#expected.get(client);
    const next = expected?.shift();
    if (next === undefined) {
      this.#expected.delete(client);
      return;
    }
    this.#read(client, next, memory);
    setImmediate(() => this.#readNext(client, memory));
  }

  #read(client: Reader, { partition, offset, maxBytes }: Expected, memory: Memory): void {
    const { isClosed, replica, highWatermark, leadership } = partition;
    const { leaderEpoch } = leadership;
    if (isClosed || replica === undefined || offset < replica.logStartOffset) return;
    const buffers: Buffer[] = [];
    const take = (sizeBytes: number): Buffer => {
      const buffer = memory.take(sizeBytes);
      buffers.push(buffer);
      return buffer;
    };
    let result: ReadResult | undefined;
    try {
      result = replica.read(offset, { maxBytes, endOffset: highWatermark, memory: take });
    } catch {
      // The fetch that comes for it meets the same, and tells.
    }
    if (result === undefined || result.sizeBytes === 0) {
      for (const buffer of buffers) memory.giveBack(buffer);
      return;
    }
    const old = this.#pieces.get(client)!.get(partition);
    if (old !== undefined) this.#drop(old);
    const piece: Piece = { ...result, client, partition, replica, leaderEpoch, offset, memory, buffers };
    this.#pieces.get(client)!.set(partition, piece);
    this.#byAge.add(piece);
    this.#heldBytes += piece.sizeBytes;
    for (const oldest of this.#byAge) {
      if (this.#heldBytes <= this.#totalBytesMax) break;
      this.#drop(oldest);
    }
  }

  #forget(client: Reader): void {
    this.#expected.delete(client);
    for (const piece of this.#pieces.get(client)?.values() ?? []) this.#drop(piece);
    this.#pieces.delete(client);
  }

  #drop(piece: Piece): void {
    this.#remove(piece);
    this.#giveBack(piece);
  }

  #remove(piece: Piece): void {
    this.#pieces.get(piece.client)!.delete(piece.partition);
    this.#byAge.delete(piece);
    this.#heldBytes -= piece.sizeBytes;
  }

  #giveBack({ buffers, memory }: Piece): void {
    for (const buffer of buffers) memory.giveBack(buffer);
  }
}
