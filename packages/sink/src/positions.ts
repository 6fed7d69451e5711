import { iterateRecords } from '@edgelog/wire';
import type { FoundBatch } from './cluster.ts';
import { RECORDS_KEPT } from './limits.ts';
import {
  type OpeningRecord,
  openingRecord,
  type PositionRecord,
  parseJson,
  parseKey,
  positionRecord,
} from './records.ts';
import { RunRecords } from './run-records.ts';

/** A record as the positions topic has it. */
export interface Known<R> {
  readonly record: R;
  /** When the leader appended it, by its own clock; undefined where the topic keeps the writer's time. */
  readonly appendedAt: number | undefined;
  /** The opening before this one; undefined: none, or this is no opening. */
  readonly before?: string | undefined;
}

const NONE: ReadonlySet<number> = new Set();

/** Kept as bytes: some 400 for each run, and thousands of them are never asked for. */
interface Kept {
  readonly value: Buffer;
  readonly appendedAt: number | undefined;
}

/** Where a run's data is in one life of its topic. */
type RunPlace = Pick<OpeningRecord, 'topicId' | 'partition' | 'offset' | 'gone'>;

interface KeptOpening extends Kept {
  /** Of the last lives of the topic: an opening of one that was over already may come late. */
  readonly places: readonly RunPlace[];
  readonly opening: string;
  readonly before: string | undefined;
  /** False: there may have been others before it, which were dropped from memory. */
  readonly isWhole: boolean;
}

/**
 * What was read of the positions topic. Pure: fed in the order of the log, of each partition. Of runs that are held all is known; of others
 * what came last, and what was dropped can be read again.
 */
export class Positions {
  readonly #openings: RunRecords<KeptOpening>;
  readonly #positions: RunRecords<Kept>;
  readonly #holders = new Map<number, number>();

  constructor(kept = RECORDS_KEPT) {
    this.#openings = new RunRecords(kept);
    this.#positions = new RunRecords(kept);
  }

  /** Records in memory. */
  get size(): number {
    return this.#openings.size + this.#positions.size;
  }

  /** Keeps what is known of a run, until the function given back is called. */
  hold(producerId: number): () => void {
    const count = this.#holders.get(producerId) ?? 0;
    this.#holders.set(producerId, count + 1);
    if (count === 0) {
      this.#openings.hold(producerId);
      this.#positions.hold(producerId);
    }
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(producerId);
      isHeld = false;
    };
  }

  #release(producerId: number): void {
    const left = this.#holders.get(producerId)! - 1;
    if (left > 0) {
      this.#holders.set(producerId, left);
      return;
    }
    this.#holders.delete(producerId);
    this.#openings.release(producerId);
    this.#positions.release(producerId);
  }

  /** Whether what is known of the run's openings, or of its position, may lack what was read before. */
  mayLack(kind: 'opening' | 'position', producerId: number): boolean {
    if (kind === 'position')
      return this.#positions.hasDropped && this.#positions.get(producerId) === undefined;
    const known = this.#openings.get(producerId);
    return known === undefined ? this.#openings.hasDropped : !known.isWhole;
  }

  /** Before what was read of these runs is read again from its beginning. */
  forget(kind: 'opening' | 'position', producerIds: Iterable<number>): void {
    const records = kind === 'opening' ? this.#openings : this.#positions;
    for (const producerId of producerIds) records.delete(producerId);
  }

  /**
   * Records that are not ours, or of a newer program, are passed over. `again`: runs that are read from the beginning; `isAgain`: the batch
   * was read before, and is new for those only.
   */
  learn({ bytes, header }: FoundBatch, again: ReadonlySet<number> = NONE, isAgain = false): void {
    const appendedAt = header.timestampType === 'append' ? header.maxTimestamp : undefined;
    for (const { key, value } of iterateRecords(bytes)) {
      const found = parseKey(key);
      if (found === undefined) continue;
      const { kind, producerId } = found;
      if (isAgain && !again.has(producerId)) continue;
      if (value === null) {
        (kind === 'opening' ? this.#openings : this.#positions).delete(producerId);
      } else if (kind === 'position') {
        this.#positions.set(producerId, { value: Buffer.from(value), appendedAt });
      } else {
        this.#learnOpening(producerId, Buffer.from(value), appendedAt, again.has(producerId));
      }
    }
  }

  #learnOpening(
    producerId: number,
    value: Buffer,
    appendedAt: number | undefined,
    isFromBeginning: boolean,
  ): void {
    const record = parseJson(openingRecord, value);
    if (record === undefined) return;
    const before = this.#openings.get(producerId);
    const places = placesOf(before?.places ?? [], record);
    const kept = { value, appendedAt, opening: record.opening, places };
    const isWhole = before?.isWhole ?? (isFromBeginning || !this.#openings.hasDropped);
    this.#openings.set(producerId, { ...kept, before: before?.opening, isWhole });
  }

  /** The last opening of the run; as if it were of this life of the topic, if there was one: partition, offset and `gone` are those of its first registration. */
  opening(producerId: number, topicId: string): Known<OpeningRecord> | undefined {
    const kept = this.#openings.get(producerId);
    const record = kept === undefined ? undefined : parseJson(openingRecord, kept.value);
    if (kept === undefined || record === undefined) return undefined;
    const { places, appendedAt, before } = kept;
    const place = places.find((one) => one.topicId === topicId);
    return { record: { ...record, ...place }, appendedAt, before };
  }

  position(producerId: number): Known<PositionRecord> | undefined {
    const kept = this.#positions.get(producerId);
    const record = kept === undefined ? undefined : parseJson(positionRecord, kept.value);
    return kept === undefined || record === undefined ? undefined : { record, appendedAt: kept.appendedAt };
  }

  /** Whether somebody else opened the run after this opening was written and read. */
  isFenced(producerId: number, opening: string): boolean {
    return this.#openings.get(producerId)?.opening !== opening;
  }
}

const LIVES_KEPT = 8;

/** The first registration in each life of the topic says where the run's data is, whoever registered it again without knowing. */
function placesOf(before: readonly RunPlace[], record: OpeningRecord): RunPlace[] {
  const { topicId, partition, offset, gone } = record;
  const known = before.find((place) => place.topicId === topicId);
  if (known === undefined) return [...before, { topicId, partition, offset, gone }].slice(-LIVES_KEPT);
  if (partition !== known.partition) return [...before];
  const first = { ...known, offset: Math.min(known.offset, offset) };
  return before.map((place) => (place === known ? first : place));
}
