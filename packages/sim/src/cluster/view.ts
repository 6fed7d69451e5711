import type { BrokerState, BrokerStates } from '@edgelog/cluster/election.ts';
import {
  type BrokerRecord,
  type DirectoryRecord,
  isAccepted,
  type PartitionRecord,
} from '@edgelog/cluster/records.ts';
import type { Entry, KvEvent } from './kv.ts';

export const CONTROLLER = '/controller';
export const brokerKey = (id: number): string => `/brokers/${id}`;
export const directoryKey = (id: number): string => `/directories/${id}`;
export const partitionKey = (name: string): string => `/topics/${name}`;

/** What one process knows of the metadata, as of a revision. */
export class View {
  readonly #entries = new Map<string, Entry>();
  #revision = 0;
  /** A bug on purpose: whoever is registered is trusted. */
  readonly #trustAnyDisk: boolean;

  constructor(trustAnyDisk: boolean) {
    this.#trustAnyDisk = trustAnyDisk;
  }

  get revision(): number {
    return this.#revision;
  }

  reset(entries: readonly Entry[], revision: number): void {
    if (revision < this.#revision) return;
    this.#entries.clear();
    for (const entry of entries) this.#entries.set(entry.key, entry);
    this.#revision = revision;
  }

  apply(events: readonly KvEvent[]): void {
    for (const { key, entry, revision } of events) {
      if (revision < this.#revision) continue;
      if (entry === undefined) this.#entries.delete(key);
      else this.#entries.set(key, entry);
    }
    this.#revision = Math.max(this.#revision, events.at(-1)!.revision);
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  partitions(): { name: string; record: PartitionRecord; revision: number }[] {
    return [...this.#entries.values()]
      .filter(({ key }) => key.startsWith('/topics/'))
      .map(({ key, value, modRevision }) => ({
        name: key.slice('/topics/'.length),
        record: value as PartitionRecord,
        revision: modRevision,
      }));
  }

  readonly states: BrokerStates = (id): BrokerState => {
    const state = stateOf(this.#entries.get(brokerKey(id)), this.directory(id));
    return this.#trustAnyDisk ? { ...state, lostData: false } : state;
  };

  directory(id: number): DirectoryRecord | undefined {
    return this.#entries.get(directoryKey(id))?.value as DirectoryRecord | undefined;
  }
}

/** The same from all keys of brokers and of directories. */
export function statesOf(brokers: readonly Entry[], directories: readonly Entry[]): BrokerStates {
  const entryOf = (entries: readonly Entry[], key: string) => entries.find((entry) => entry.key === key);
  return (id) =>
    stateOf(
      entryOf(brokers, brokerKey(id)),
      entryOf(directories, directoryKey(id))?.value as DirectoryRecord | undefined,
    );
}

function stateOf(entry: Entry | undefined, directory: DirectoryRecord | undefined): BrokerState {
  const broker = entry?.value as BrokerRecord | undefined;
  return {
    epoch: entry?.createRevision,
    draining: broker?.draining ?? false,
    lostData: broker !== undefined && !isAccepted(broker, directory),
  };
}
