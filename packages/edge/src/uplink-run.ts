import { type ReadOptions, StoredDamageError } from '@edgelog/log';
import type { Gap, NewRunReason, Position, RefusalCode, RefusedBatch, UplinkStream } from '@edgelog/sync';
import { readBatchHeader, restampProducer } from '@edgelog/wire';
import type { EdgeStream } from './edge-stream.ts';
import type { Run } from './runs.ts';
import { SentBatches } from './uplink-sent.ts';

/** What a run asks of the stream that it belongs to. */
export interface UplinkRunHost {
  readonly logId: string;
  readonly topic: string;
  /** As it is now. */
  priority(): number;
  /** The run as it is now, under its producer id; undefined when it was replaced. */
  run(producerId: number): Run | undefined;
  /** CRC, under that run, of a dropped batch that ends at `next`. */
  droppedCrc(next: number): number | undefined;
  acknowledge(run: Run, position: Position): void;
  /** The hub has everything of the run before the damage, at position `hub`. */
  damaged(run: Run, offset: number, error: StoredDamageError, hub: Position | undefined): void;
  replace(run: Run, reason: NewRunReason, hub: Position | undefined): Promise<Gap | undefined>;
  setAside(run: Run, refused: RefusedBatch, hub: Position | undefined): Promise<Gap | undefined>;
  refused(run: Run, code: RefusalCode, message: string): void;
}

/** One run of a stream as the uplink sees it: what may travel under its producer id. */
export class UplinkRun implements UplinkStream {
  readonly run;
  readonly #stream: EdgeStream;
  readonly #host: UplinkRunHost;
  readonly #sent = new SentBatches();
  #last: Run;

  constructor(stream: EdgeStream, run: Run, host: UplinkRunHost) {
    const { logId, topic } = host;
    this.run = { producerId: run.producerId, firstOffset: run.firstOffset, logId, topic };
    this.#stream = stream;
    this.#host = host;
    this.#last = run;
  }

  get priority(): number {
    return this.#host.priority();
  }

  get logStartOffset(): number {
    const { firstOffset, end, isClosed } = this.#run;
    if (isClosed && end !== null) return end;
    return Math.min(end ?? Number.POSITIVE_INFINITY, Math.max(this.#stream.log.logStartOffset, firstOffset));
  }

  get sealedEndOffset(): number {
    const { firstOffset, end, isClosed } = this.#run;
    if (isClosed && end !== null) return end;
    const sealed = Math.max(this.#stream.log.flushedEndOffset, firstOffset);
    return Math.min(end ?? Number.POSITIVE_INFINITY, sealed);
  }

  get ended(): boolean {
    return this.#run.isClosed === true;
  }

  get isBacklog(): boolean {
    return this.#run.end !== null;
  }

  get acked(): Position | undefined {
    return this.#run.acked ?? undefined;
  }

  /** What a hub may have got under this run in the life of this process without having acknowledged it. */
  get sent(): Iterable<Position> {
    return this.#sent;
  }

  /** Throws StoredDamageError. */
  read(offset: number, maxBytes: number, memory?: ReadOptions['memory']): Buffer[] {
    const end = this.sealedEndOffset;
    if (offset >= end) return [];
    const { batches } = this.#stream.log.read(offset, { maxBytes, ...(memory && { memory }) });
    return batches
      .filter((batch) => readBatchHeader(batch).baseOffset < end)
      .map((batch) => this.#sending(this.#underThisRun(batch)));
  }

  unreadable(offset: number, hub: Position | undefined): void {
    if (offset < this.logStartOffset || offset >= this.sealedEndOffset) return;
    try {
      this.#stream.log.read(offset, { maxBytes: 1 });
    } catch (error) {
      if (!(error instanceof StoredDamageError)) throw error;
      this.#host.damaged(this.#run, offset, error, hub);
    }
  }

  crcEndingAt(next: number): number | undefined {
    try {
      const header = this.#stream.log.batchEndingAt(next - 1);
      if (header === undefined) return this.#host.droppedCrc(next);
      if (header.producerId === this.run.producerId) return header.crc;
      const [batch] = this.#stream.log.read(header.baseOffset, { maxBytes: 1 }).batches;
      return batch && readBatchHeader(this.#underThisRun(batch)).crc;
    } catch (error) {
      if (error instanceof StoredDamageError) return this.#sent.crcEndingAt(next);
      throw error;
    }
  }

  acknowledge(position: Position): void {
    this.#host.acknowledge(this.#run, position);
    this.#sent.settle(position.next);
  }

  startNewRun(reason: NewRunReason, hub: Position | undefined): Promise<Gap | undefined> {
    return this.#host.replace(this.#run, reason, hub);
  }

  setAside(refused: RefusedBatch, hub: Position | undefined): Promise<Gap | undefined> {
    return this.#host.setAside(this.#run, refused, hub);
  }

  refused(code: RefusalCode, message: string): void {
    this.#host.refused(this.#run, code, message);
  }

  get #run(): Run {
    this.#last = this.#host.run(this.run.producerId) ?? this.#last;
    return this.#last;
  }

  #sending(batch: Buffer): Buffer {
    const { lastOffset, crc } = readBatchHeader(batch);
    this.#sent.add({ next: lastOffset + 1, crc }, batch.length);
    return batch;
  }

  /** Batches are sealed under the run that is the current one then; another may have taken its place since. */
  #underThisRun(batch: Buffer): Buffer {
    const { producerId } = this.run;
    return readBatchHeader(batch).producerId === producerId ? batch : restampProducer(batch, producerId);
  }
}
