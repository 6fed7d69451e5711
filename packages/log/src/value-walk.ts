import { EdgelogError } from '@edgelog/base';
import { type BatchHeader, iterateBatches, readBatchHeader, verifyBatchCrc } from '@edgelog/wire';
import type { ValueKey } from './keys.ts';

/** A batch of a value whose every byte was checked; `at` is where it begins. */
export interface SoundBatch {
  readonly at: number;
  readonly header: BatchHeader;
}

/** Offsets [baseOffset, endOffset) of a value that cannot be read, and where their bytes begin. */
export interface DamagedPart {
  readonly at: number;
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly reason: string;
}

/** Where a batch begins, in bytes and as an offset. */
interface Place {
  readonly at: number;
  readonly offset: number;
}

export function isDamagedPart(part: SoundBatch | DamagedPart): part is DamagedPart {
  return 'reason' in part;
}

/**
 * The batches of a stored value from the one that holds `from`, checked, and in their places what is damaged: what lies under
 * the CRC by it, base offset, length and leader epoch by the key, whose own CRC held, and by the batch before. Damage before
 * `from` is told where it is met; a batch wholly before `from` is not checked for itself.
 */
export function* walkValue(
  value: Buffer,
  key: ValueKey,
  from: number,
): Generator<SoundBatch | DamagedPart, void, undefined> {
  let place: Place = { at: 0, offset: key.baseOffset };
  let passed: SoundBatch | undefined;
  while (place.offset < key.endOffset) {
    try {
      const header = checkedHeader(value, place, key);
      const isWanted = header.lastOffset >= from;
      if (isWanted) verifyBatchCrc(value, place.at, header);
      const batch = { at: place.at, header };
      if (isWanted) yield batch;
      passed = isWanted ? undefined : batch;
      place = { at: place.at + header.sizeBytes, offset: header.lastOffset + 1 };
    } catch (error) {
      const misled = passed && crcFault(value, passed);
      const start = misled === undefined ? place : { at: passed!.at, offset: passed!.header.baseOffset };
      place = nextSound(value, start, key);
      yield {
        at: start.at,
        baseOffset: start.offset,
        endOffset: place.offset,
        reason: misled ?? reasonOf(error),
      };
      passed = undefined;
    }
  }
}

/** The header at `place`, if it is what the key and the batches before it call for. */
function checkedHeader(value: Buffer, { at, offset }: Place, key: ValueKey): BatchHeader {
  const header = readBatchHeader(value, at);
  const { baseOffset, lastOffset, partitionLeaderEpoch } = header;
  if (baseOffset !== offset) throw corrupt(`the batch says ${baseOffset}`);
  if (lastOffset >= key.endOffset)
    throw corrupt(`the batch ends at ${lastOffset}, its value before ${key.endOffset}`);
  if (partitionLeaderEpoch !== key.leaderEpoch) {
    throw corrupt(`the batch has leader epoch ${partitionLeaderEpoch}, its value ${key.leaderEpoch}`);
  }
  return header;
}

/**
 * Where the value can be read again after the batch at `damaged`: where that batch's length leads, or else the first place from
 * which headers follow each other to the value's end (bytes that a record carries look like a batch, but do not end there).
 */
function nextSound(value: Buffer, damaged: Place, key: ValueKey): Place {
  const byLength = placeAfter(value, damaged, key);
  if (byLength !== undefined) return byLength;
  for (let at = damaged.at + 1; at < value.length; at++) {
    const offset = offsetAt(value, at, damaged.offset, key);
    if (offset !== undefined && leadsToEnd(value, { at, offset }, key)) return { at, offset };
  }
  return { at: value.length, offset: key.endOffset };
}

function placeAfter(value: Buffer, { at, offset }: Place, key: ValueKey): Place | undefined {
  if (value.length - at < LENGTH_END) return undefined;
  const next = at + LENGTH_END + value.readInt32BE(at + LENGTH_END - 4);
  const nextOffset = next > at ? offsetAt(value, next, offset, key) : undefined;
  if (nextOffset === undefined) return undefined;
  try {
    verifyBatchCrc(value, next, checkedHeader(value, { at: next, offset: nextOffset }, key));
    return { at: next, offset: nextOffset };
  } catch {
    return undefined;
  }
}

/** End of a batch's length field, from which the length counts. */
const LENGTH_END = 12;
const MAGIC_AT = 16;

/** The base offset at a place where a batch may begin after `offset`. */
function offsetAt(value: Buffer, at: number, offset: number, key: ValueKey): number | undefined {
  if (value.length - at <= MAGIC_AT || value[at + MAGIC_AT] !== 2) return undefined;
  const found = value.readUInt32BE(at) * 2 ** 32 + value.readUInt32BE(at + 4);
  return found > offset && found < key.endOffset ? found : undefined;
}

function leadsToEnd(value: Buffer, { at, offset }: Place, key: ValueKey): boolean {
  let next = offset;
  try {
    for (const { header } of iterateBatches(value.subarray(at))) {
      if (header.baseOffset !== next) return false;
      next = header.lastOffset + 1;
    }
  } catch {
    return false;
  }
  return next === key.endOffset;
}

function crcFault(value: Buffer, { at, header }: SoundBatch): string | undefined {
  try {
    verifyBatchCrc(value, at, header);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

function corrupt(message: string): EdgelogError {
  return new EdgelogError('CORRUPT_BATCH', message);
}

function reasonOf(error: unknown): string {
  if (error instanceof EdgelogError && error.code === 'CORRUPT_BATCH') return error.message;
  throw error;
}
