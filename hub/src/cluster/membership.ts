import { randomUUID } from 'node:crypto';
import { EdgelogError } from '@edgelog/base';
import type { LogStore } from '@edgelog/log';
import { z } from 'zod';
import { putRecord, readRecord } from '../state-record.ts';

const KEY = 'cluster-member';

const memberRecord = z.strictObject({
  clusterId: z.string().min(1),
  brokerId: z.int().min(0),
  /** The mark last seen in the metadata, and one that may be there by now [packages/cluster, records.ts]. */
  marks: z.array(z.string().min(1)).max(2),
  /** The mark of the last registration that was tried. */
  registration: z.string().min(1).nullable(),
  /** The newest revision of the metadata that it is known to have seen. */
  revision: z.int().min(0).default(0),
});
type MemberRecord = z.infer<typeof memberRecord>;

/** The cluster that a data directory belongs to, if it does. */
export function clusterOf(store: LogStore): string | undefined {
  return readRecord(store.state, KEY, memberRecord)?.clusterId;
}

/** What a data directory says of itself: which broker of which cluster it belongs to, and how it was marked. */
export class Membership {
  readonly #store: LogStore;
  #record: MemberRecord;

  /** Throws DATA_DIR_INVALID when the directory belongs to another broker, another cluster, or a standalone broker. */
  static async open(store: LogStore, clusterId: string, brokerId: number): Promise<Membership> {
    const found = readRecord(store.state, KEY, memberRecord);
    if (found === undefined) {
      if (store.state.get('cluster') !== undefined)
        throw invalid(
          'it holds the data of a standalone broker, which cannot become a member of a cluster: leave --etcd out, or choose an empty --data-dir',
        );
      const membership = new Membership(store, {
        clusterId,
        brokerId,
        marks: [],
        registration: null,
        revision: 0,
      });
      await membership.#put({});
      return membership;
    }
    if (found.clusterId !== clusterId)
      throw invalid(
        `it belongs to cluster ${found.clusterId}, and etcd holds cluster ${clusterId}: check --etcd, --etcd-prefix and --data-dir`,
      );
    if (found.brokerId !== brokerId)
      throw invalid(
        `it belongs to broker ${found.brokerId}, and this is started as broker ${brokerId}: check --broker-id and --data-dir`,
      );
    return new Membership(store, found);
  }

  private constructor(store: LogStore, record: MemberRecord) {
    this.#store = store;
    this.#record = record;
  }

  get marks(): readonly string[] {
    return this.#record.marks;
  }

  /** Of the metadata, some seconds old at most. */
  get seenRevision(): number {
    return this.#record.revision;
  }

  /** Whether the registration was made with this directory, by this process or one before: then nobody else lives in it. */
  madeRegistration(mark: string): boolean {
    return mark === this.#record.registration;
  }

  /**
   * A mark to replace the `known` one, which this disk has, noted with the metadata's revision; resolves when it is durable. The same again until it was seen in the
   * metadata, for it may be there already. With undefined, for a disk that is not the known one, it is a new one in any case.
   */
  async markAnew(
    known: string | undefined,
    { registration, revision }: { registration: boolean; revision: number },
  ): Promise<string> {
    const pending = known === undefined ? undefined : this.#record.marks.at(-1);
    const mark = pending === undefined || pending === known ? randomUUID() : pending;
    await this.#put({
      marks: known === undefined ? [mark] : [known, mark],
      ...(registration && { registration: mark }),
      revision: Math.max(revision, this.#record.revision),
    });
    return mark;
  }

  async #put(change: Partial<MemberRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change };
    putRecord(this.#store.state, KEY, memberRecord, this.#record);
    await this.#store.flushed();
  }
}

/** Throws DATA_DIR_INVALID for a directory of a cluster's broker: its logs are not those of a standalone one. */
export function refuseMember(store: LogStore): void {
  const found = readRecord(store.state, KEY, memberRecord);
  if (found !== undefined)
    throw invalid(
      `it belongs to broker ${found.brokerId} of cluster ${found.clusterId}: start it with its --etcd and --broker-id`,
    );
}

function invalid(why: string): EdgelogError {
  return new EdgelogError('DATA_DIR_INVALID', `the data directory cannot be used: ${why}`);
}
