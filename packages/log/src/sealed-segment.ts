import { existsSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { afterValuesAt, parseValueKey, VALUE_KEY_BYTES, type ValueKey, valuePrefix } from './keys.ts';
import { type Meta, PageFile, type Value } from './page-file.ts';
import type { SegmentReader } from './segment.ts';

/** Values are read into it; it grows to the largest one. */
let scratch = Buffer.alloc(0);

/**
 * A segment that nobody writes, read from its file page by page. What is damaged in it, from a bit in a key to a page of the
 * tree, costs the values whose keys it held, and nothing else: they are not found.
 */
export class SealedSegment implements SegmentReader {
  readonly id: number;
  readonly #file: PageFile;
  readonly #meta: Meta;
  /** What was found last: its bytes are asked for next. */
  #found: { key: ValueKey; value: Value } | undefined;

  private constructor(id: number, file: PageFile, meta: Meta) {
    this.id = id;
    this.#file = file;
    this.#meta = meta;
  }

  /** Throws CORRUPT_BATCH where there is no file, or none whose tree can be found. */
  static open(id: number, path: string): SealedSegment {
    if (!existsSync(path)) {
      throw new EdgelogError('CORRUPT_BATCH', `segment ${id} is gone: there is no ${path}`);
    }
    const file = new PageFile(path);
    const meta = newestMeta(file);
    if (meta !== undefined) return new SealedSegment(id, file, meta);
    file.close();
    throw new EdgelogError('CORRUPT_BATCH', `segment ${id}: neither of the two roots in ${path} can be read`);
  }

  floor(partitionId: number, offset: number): ValueKey | undefined {
    return this.#firstSound(partitionId, afterValuesAt(partitionId, offset), true);
  }

  after(partitionId: number, offset: number): ValueKey | undefined {
    return this.#firstSound(partitionId, afterValuesAt(partitionId, offset), false);
  }

  first(partitionId: number): ValueKey | undefined {
    return this.#firstSound(partitionId, valuePrefix(partitionId), false);
  }

  valueScratch(partitionId: number, key: ValueKey): Buffer {
    if (this.#found?.key !== key && this.floor(partitionId, key.baseOffset)?.endOffset !== key.endOffset) {
      throw corrupt(`segment ${this.id}: no value at offset ${key.baseOffset}`);
    }
    return this.#bytes(this.#found!.value);
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  /** Damaged keys are passed over; the first sound one of another partition, or of another kind of row, is the end. */
  #firstSound(partitionId: number, bound: Buffer, isReverse: boolean): ValueKey | undefined {
    const prefix = valuePrefix(partitionId);
    for (const node of this.#file.nodes(this.#meta.rows, bound, { isReverse })) {
      const key = parseValueKey(node.key);
      if (key === undefined) {
        if (node.key.length === VALUE_KEY_BYTES) continue;
        return undefined;
      }
      if (!node.key.subarray(0, prefix.length).equals(prefix)) return undefined;
      this.#found = { key, value: node.value };
      return key;
    }
    return undefined;
  }

  #bytes(value: Value): Buffer {
    const bytes = this.#file.read(value, (sizeBytes) => {
      if (scratch.length < sizeBytes) scratch = Buffer.allocUnsafeSlow(sizeBytes);
      return scratch.subarray(0, sizeBytes);
    });
    if (bytes === undefined) throw corrupt(`segment ${this.id}: the pages of a value cannot be read`);
    return bytes;
  }
}

/**
 * Of the two roots that the file keeps in turns, the one that was written last, judged by the root page itself: its number in
 * the meta page is not covered by any check. In a segment that is not written any more the one before is whole as well,
 * and lacks only the last commit.
 */
function newestMeta(file: PageFile): Meta | undefined {
  let newest: { meta: Meta; transaction: number } | undefined;
  for (const index of [0, 1] as const) {
    const meta = file.meta(index);
    if (meta?.rows.root === undefined) continue;
    const root = file.page(meta.rows.root);
    if (root === undefined || root.isLeaf !== (meta.rows.depth === 1)) continue;
    if (root.transaction > (newest?.transaction ?? -1)) newest = { meta, transaction: root.transaction };
  }
  return newest?.meta;
}

function corrupt(message: string): EdgelogError {
  return new EdgelogError('CORRUPT_BATCH', message);
}
