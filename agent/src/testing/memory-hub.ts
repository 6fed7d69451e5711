import type { Gap, HubAppend, HubPort, Position, RunInfo } from '@edgelog/sync';
import { type BatchRecord, iterateRecords, readBatchHeader, verifyBatchCrc } from '@edgelog/wire';

interface Run {
  info: RunInfo;
  position: Position | undefined;
  batches: Buffer[];
}

/** A hub that keeps batches in memory and checks what a hub checks: CRC, and that each run is contiguous. */
export class MemoryHub implements HubPort {
  readonly hubId = 'memory-hub';
  readonly gaps: Gap[] = [];
  runs = new Map<number, Run>();

  async openRun(_gateway: string, info: RunInfo) {
    let run = this.runs.get(info.producerId);
    if (run === undefined) {
      run = { info, position: undefined, batches: [] };
      this.runs.set(info.producerId, run);
    }
    return { ok: true as const, partition: 3, position: run.position };
  }

  append(producerId: number, batch: Buffer): HubAppend {
    const run = this.runs.get(producerId)!;
    const header = readBatchHeader(batch);
    verifyBatchCrc(batch, 0, header);
    const expected = run.position?.next ?? run.info.firstOffset;
    if (header.producerId !== producerId || header.baseOffset !== expected) {
      return {
        ok: false,
        code: 'out-of-order',
        message: `offset ${header.baseOffset}, expected ${expected}`,
      };
    }
    run.position = { next: header.lastOffset + 1, crc: header.crc };
    run.batches.push(Buffer.from(batch));
    return { ok: true, committed: Promise.resolve(run.position) };
  }

  async recordGap(_gateway: string, gap: Gap): Promise<void> {
    // Declared again after a lost answer, as a hub takes it.
    if (!this.gaps.some(({ logId, from, to }) => logId === gap.logId && from === gap.from && to === gap.to))
      this.gaps.push(gap);
  }

  /** An older copy of this hub comes back. */
  truncate(batchesKept: number): void {
    for (const run of this.runs.values()) {
      run.batches.length = Math.min(run.batches.length, batchesKept);
      const last = run.batches.at(-1);
      const header = last === undefined ? undefined : readBatchHeader(last);
      run.position = header && { next: header.lastOffset + 1, crc: header.crc };
    }
  }

  /** All records in the order they were stored. */
  records(topic = 'telemetry'): BatchRecord[] {
    return [...this.runs.values()]
      .filter(({ info }) => info.topic === topic)
      .flatMap(({ batches }) => batches.flatMap((batch) => [...iterateRecords(batch)]));
  }

  values(topic?: string): string[] {
    return this.records(topic).map(({ value }) => value!.toString());
  }
}
