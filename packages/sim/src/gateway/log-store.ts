import { assert, EdgelogError } from '@edgelog/base';
import { type LogStore, type PartitionLog, StoredDamageError, type TailChunk } from '@edgelog/log';
import { type BatchHeader, readBatchHeader, verifyBatchCrc } from '@edgelog/wire';
import { advanceStart, cleanSegments, physicalBytes, type StoredPartition, sealInto } from './image.ts';
import type { Volume } from './volume.ts';

/** What a gateway's core asks of a log. */
type GatewayLog = Pick<
  PartitionLog,
  | 'name'
  | 'logStartOffset'
  | 'logEndOffset'
  | 'flushedEndOffset'
  | 'tailEndOffset'
  | 'oldestSegment'
  | 'sizeBytesFrom'
  | 'read'
  | 'batchEndingAt'
  | 'stage'
  | 'tail'
  | 'seal'
  | 'advanceLogStart'
>;
type GatewayStore = Pick<
  LogStore,
  'state' | 'partition' | 'createPartition' | 'flushed' | 'turnEnds' | 'stats' | 'clean'
>;

/** Opens the store that a volume holds, by the contract of @edgelog/log as far as a gateway uses it; the rest of it is not there. */
export function openModelStore(volume: Volume): LogStore {
  const logs = new Map<string, ModelLog>();
  const open = (name: string) => {
    const log = logs.get(name) ?? new ModelLog(name, volume);
    logs.set(name, log);
    return log as unknown as PartitionLog;
  };
  const store: GatewayStore = {
    state: {
      get: (key) => volume.live.values.get(key),
      put: (key, value) => void volume.do((image) => image.values.set(key, value)),
      delete: (key) => void volume.do((image) => image.values.delete(key)),
      entries: (prefix) => [...volume.live.values].filter(([key]) => key.startsWith(prefix)),
    },
    partition: (name) => (volume.live.partitions.has(name) ? open(name) : undefined),
    createPartition: (name) => {
      void volume.do(({ partitions }) => {
        if (!partitions.has(name)) partitions.set(name, { name, logStart: 0, end: 0, batches: [], tail: [] });
      });
      return open(name);
    },
    flushed: () => volume.flushed(),
    turnEnds: () => {},
    stats: () => {
      const segments = [...volume.live.segments.values()];
      const liveBytes = segments.reduce((sum, { live }) => sum + live, 0);
      const deadBytes = segments.reduce((sum, { bytes, live }) => sum + bytes - live, 0);
      const rest = { appendedBytes: 0, writtenBytes: 0, commits: 0 };
      const { pendingBytes } = volume;
      return {
        segments: segments.length,
        physicalBytes: physicalBytes(volume.durable),
        diskBytes: physicalBytes(volume.durable),
        liveBytes,
        deadBytes,
        pendingBytes,
        ...rest,
      };
    },
    clean: async ({ deadShare }) => {
      await volume.do((image) => cleanSegments(image, deadShare));
      return [];
    },
  };
  return store as LogStore;
}

class ModelLog implements GatewayLog {
  readonly name: string;
  readonly #volume: Volume;

  constructor(name: string, volume: Volume) {
    this.name = name;
    this.#volume = volume;
  }

  get logStartOffset(): number {
    return this.#live.logStart;
  }

  get logEndOffset(): number {
    return this.#live.end;
  }

  get flushedEndOffset(): number {
    return this.#volume.durable.partitions.get(this.name)?.end ?? 0;
  }

  get tailEndOffset(): number {
    const last = this.#live.tail.at(-1);
    return last === undefined ? this.logEndOffset : last.baseOffset + last.recordCount;
  }

  get oldestSegment(): { segment: number; endOffset: number } | undefined {
    const { batches } = this.#live;
    const segment = batches[0]?.segment;
    if (segment === undefined || segment === this.#volume.live.active) return undefined;
    const endOffset = batches.findLast((batch) => batch.segment === segment)!.next;
    return endOffset > this.flushedEndOffset ? undefined : { segment, endOffset };
  }

  sizeBytesFrom(offset: number): number {
    let bytes = 0;
    for (const batch of this.#live.batches) if (batch.next > offset) bytes += batch.bytes.length;
    return bytes;
  }

  read(offset: number, { maxBytes }: { maxBytes: number }): ReturnType<PartitionLog['read']> {
    if (offset < this.logStartOffset || offset > this.logEndOffset)
      throw new EdgelogError('LIMIT_EXCEEDED', `offset ${offset} of ${this.name} is not in the log`);
    const batches: Buffer[] = [];
    let sizeBytes = 0;
    for (const batch of this.#live.batches) {
      if (batch.next <= offset || batch.next > this.flushedEndOffset) continue;
      if (batches.length > 0 && sizeBytes + batch.bytes.length > maxBytes) break;
      if (batch.damage !== undefined) {
        if (batches.length > 0) break;
        throw this.#damaged(offset, batch.next, batch.damage);
      }
      sizeBytes += batch.bytes.length;
      batches.push(Buffer.from(batch.bytes));
    }
    return { batches, sizeBytes };
  }

  batchEndingAt(lastOffset: number): BatchHeader | undefined {
    const batch = this.#live.batches.find(({ next }) => next === lastOffset + 1);
    if (batch?.damage !== undefined) throw this.#damaged(batch.base, batch.next, batch.damage);
    return batch?.header;
  }

  stage(chunk: TailChunk): Promise<void> {
    assert(
      chunk.baseOffset === this.tailEndOffset,
      `${this.name}: staged ${chunk.baseOffset}, the tail ends at ${this.tailEndOffset}`,
    );
    return this.#volume.do(
      ({ partitions }) => void partitions.get(this.name)!.tail.push(chunk),
      chunk.bytes.length,
    );
  }

  tail(): TailChunk[] {
    return [...this.#live.tail];
  }

  seal(bytes: Buffer, header: BatchHeader): ReturnType<PartitionLog['seal']> {
    verifyBatchCrc(bytes, 0, readBatchHeader(bytes));
    const [base, next] = [header.baseOffset, header.lastOffset + 1];
    assert(base === this.logEndOffset, `${this.name}: sealed ${base}, the log ends at ${this.logEndOffset}`);
    const covered = this.#live.tail.filter((chunk) => chunk.baseOffset < next);
    const last = covered.at(-1);
    assert(
      next >= this.tailEndOffset || (last !== undefined && last.baseOffset + last.recordCount === next),
      `${this.name}: a seal up to ${next} cuts a chunk in two`,
    );
    const { segmentBytes, faults } = this.#volume.options;
    // As a disk has it: the caller's memory is used again.
    const batch = { base, next, bytes: Buffer.from(bytes), header, segment: 0, damage: undefined };
    const tailBytes = covered.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    const flushed = this.#volume.do((image) => {
      if (faults?.sealLosesTail) image.partitions.get(this.name)!.tail.length = 0;
      sealInto(image, this.name, { ...batch }, segmentBytes);
    }, bytes.length - tailBytes);
    return { ok: true, baseOffset: base, lastOffset: next - 1, duplicate: false, appendTime: 0, flushed };
  }

  advanceLogStart(offset: number): void {
    assert(offset <= this.flushedEndOffset, `${this.name}: frees ${offset}, which is not on disk`);
    if (this.#volume.options.faults?.freesBeforeCommit && this.#volume.durable.partitions.has(this.name))
      advanceStart(this.#volume.durable, this.name, offset);
    void this.#volume.do((image) => advanceStart(image, this.name, offset));
  }

  get #live(): StoredPartition {
    return this.#volume.live.partitions.get(this.name)!;
  }

  #damaged(baseOffset: number, endOffset: number, reason: string): StoredDamageError {
    return new StoredDamageError({ partition: this.name, baseOffset, endOffset, reason });
  }
}
