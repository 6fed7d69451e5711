import type { Gap, HubAppend } from '@edgelog/sync';
import { type BatchRecord, iterateRecords } from '@edgelog/wire';
import { HubStore } from '../hub-store.ts';

export interface RecordAtHub {
  timestampMs: number;
  isUntrusted: boolean;
}

/** The hub's store, with what travelled to it kept for the checker. */
export class GatewayHubStore extends HubStore {
  /** Of each record that ever came, by its number. */
  readonly came = new Map<number, RecordAtHub>();
  /** Records that came again with another time or mark. */
  readonly changed: number[] = [];
  /** All that was ever recorded durably, whatever became of the disk since. */
  readonly everRecorded: Gap[] = [];

  override append(producerId: number, batch: Buffer): HubAppend {
    const result = super.append(producerId, batch);
    if (result.ok) for (const record of iterateRecords(batch)) this.#note(record);
    return result;
  }

  override async recordGap(gateway: string, gap: Gap): Promise<void> {
    await super.recordGap(gateway, gap);
    const { logId, from, to, reason } = gap;
    const isSame = (one: Gap) =>
      one.logId === logId && one.from === from && one.to === to && one.reason === reason;
    if (!this.everRecorded.some(isSame)) this.everRecorded.push(gap);
  }

  #note(record: BatchRecord): void {
    const number = record.value!.readDoubleBE();
    const isUntrusted = record.headers.some(({ key }) => key === 'edgelog.clock');
    const known = this.came.get(number);
    if (known === undefined) this.came.set(number, { timestampMs: record.timestamp, isUntrusted });
    else if (known.timestampMs !== record.timestamp || known.isUntrusted !== isUntrusted)
      this.changed.push(number);
  }
}
