import { iterateRecords } from '@edgelog/wire';
import type { FoundBatch } from './cluster.ts';
import {
  type OpeningRecord,
  openingRecord,
  type PositionRecord,
  parseJson,
  parseKey,
  positionRecord,
} from './records.ts';

/** A record as the positions topic has it. */
export interface Known<R> {
  readonly record: R;
  /** When the leader appended it, by its own clock; undefined where the topic keeps the writer's time. */
  readonly appendedAt: number | undefined;
  /** The opening before this one; undefined: none, or this is no opening. */
  readonly before?: string | undefined;
}

/** Kept as bytes: some 400 for each run, and thousands of them are never asked for. */
interface Kept {
  readonly value: Buffer;
  readonly appendedAt: number | undefined;
}

interface KeptOpening extends Kept {
  /** Of the first registration in this life of the topic: where the run's data is, whoever registered it again without knowing. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  readonly opening: string;
  readonly before: string | undefined;
}

/** What was read of the positions topic. Pure: fed in the order of the log, of each partition. */
export class Positions {
  readonly #openings = new Map<number, KeptOpening>();
  readonly #positions = new Map<number, Kept>();

  get size(): number {
    return this.#openings.size;
  }

  /** Records that are not ours, or of a newer program, are passed over. */
  learn({ bytes, header }: FoundBatch): void {
    const appendedAt = header.timestampType === 'append' ? header.maxTimestamp : undefined;
    for (const { key, value } of iterateRecords(bytes)) {
      const found = parseKey(key);
      if (found === undefined) continue;
      const { kind, producerId } = found;
      if (value === null) {
        (kind === 'opening' ? this.#openings : this.#positions).delete(producerId);
      } else if (kind === 'position') {
        this.#positions.set(producerId, { value: Buffer.from(value), appendedAt });
      } else {
        this.#learnOpening(producerId, Buffer.from(value), appendedAt);
      }
    }
  }

  #learnOpening(producerId: number, value: Buffer, appendedAt: number | undefined): void {
    const record = parseJson(openingRecord, value);
    if (record === undefined) return;
    const before = this.#openings.get(producerId);
    const isSame = before?.topicId === record.topicId;
    const { topicId } = record;
    const partition = isSame ? before.partition : record.partition;
    const isSamePlace = isSame && partition === record.partition;
    const offset = isSamePlace
      ? Math.min(before.offset, record.offset)
      : isSame
        ? before.offset
        : record.offset;
    const { opening } = record;
    const kept = { value, appendedAt, topicId, partition, offset, opening };
    this.#openings.set(producerId, { ...kept, before: before?.opening });
  }

  /** The last opening of the run; partition and offset are those of its first registration. */
  opening(producerId: number): Known<OpeningRecord> | undefined {
    const kept = this.#openings.get(producerId);
    const record = kept === undefined ? undefined : parseJson(openingRecord, kept.value);
    if (kept === undefined || record === undefined) return undefined;
    const { partition, offset, appendedAt, before } = kept;
    return { record: { ...record, partition, offset }, appendedAt, before };
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

  clear(): void {
    this.#openings.clear();
    this.#positions.clear();
  }
}
