import { EdgelogError } from '@edgelog/base';
import {
  brokerRecord,
  directoryRecord,
  NO_LEADER,
  type PartitionRecord,
  partitionRecord,
} from '@edgelog/cluster';
import type { KeyValue } from '@edgelog/etcd';
import { parseAddress } from '@edgelog/runtime';
import { illegalTopicName } from '@edgelog/wire';
import type { z } from 'zod';
import { controllerRecord, topicRecord } from '../records.ts';
import type { BrokerEntry, ControllerEntry, DirectoryEntry, PartitionEntry, TopicEntry } from './entries.ts';

/** What the metadata holds, by its folder. */
export interface Entries {
  readonly brokers: BrokerEntry;
  readonly directories: DirectoryEntry;
  readonly controller: ControllerEntry;
  readonly topics: TopicEntry;
  readonly partitions: PartitionEntry;
}
export type Folder = keyof Entries;

/** Each throws what is wrong with a record. `rest`: the key after its folder. */
const PARSERS: { readonly [F in Folder]: (rest: string, kv: KeyValue) => Entries[F] } = {
  brokers: (rest, kv) => {
    const record = parseJson(kv.value, brokerRecord);
    parseAddress(record.kafka);
    return { id: wholeNumber(rest), ...leased(kv), record };
  },
  directories: (rest, { value, modRevision }) => ({
    id: wholeNumber(rest),
    revision: modRevision,
    record: parseJson(value, directoryRecord),
  }),
  controller: (_, kv) => ({ ...leased(kv), record: parseJson(kv.value, controllerRecord) }),
  topics: (rest, { value, modRevision }) => {
    const illegal = illegalTopicName(rest);
    if (illegal !== undefined) throw new Error(illegal);
    return { name: rest, revision: modRevision, record: parseJson(value, topicRecord) };
  },
  partitions: (rest, { value, modRevision }) => {
    const record = parseJson(value, partitionRecord);
    checkPartition(record);
    return { ...partitionOf(rest), revision: modRevision, record };
  },
};

/** `path`: a key without the prefix. Its folder is undefined where tables have it (../table.ts). */
export function split(path: string): [folder: Folder | undefined, rest: string] {
  const slash = path.indexOf('/');
  const folder = slash < 0 ? path : path.slice(0, slash);
  const rest = slash < 0 ? '' : path.slice(slash + 1);
  return [Object.hasOwn(PARSERS, folder) ? (folder as Folder) : undefined, rest];
}

export function parseEntry<F extends Folder>(folder: F, rest: string, kv: KeyValue): Entries[F] {
  return PARSERS[folder](rest, kv);
}

export function partitionOf(rest: string): { topicId: string; index: number } {
  const [topicId = '', index = '', ...more] = rest.split('/');
  if (topicId === '' || more.length > 0) throw new Error('the key is not TOPIC-ID/INDEX');
  return { topicId, index: wholeNumber(index) };
}

export function wholeNumber(text: string): number {
  if (!/^(0|[1-9]\d{0,9})$/.test(text)) throw new Error(`${JSON.stringify(text)} is no whole number`);
  return Number(text);
}

/** Throws CORRUPT_FRAME, saying in one line what is wrong: not JSON, or which fields are not as they should be. */
export function parseJson<S extends z.ZodType>(value: Buffer, schema: S): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(value.toString());
  } catch (cause) {
    throw new EdgelogError('CORRUPT_FRAME', 'it is not JSON', { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new EdgelogError('CORRUPT_FRAME', faults.join('; '));
}

function leased({ modRevision, createRevision, lease }: KeyValue) {
  return { revision: modRevision, epoch: createRevision, lease };
}

/** What holds of every record that was derived from another [packages/cluster, R1]; hands may have written this one. */
function checkPartition({ replicas, isr, elr, leader }: PartitionRecord): void {
  if (new Set(replicas).size < replicas.length)
    throw new Error(`replicas ${replicas.join()}: one is repeated`);
  for (const [name, ids] of Object.entries({ isr, elr })) {
    const isWithin = new Set(ids).size === ids.length && ids.every((id) => replicas.includes(id));
    if (!isWithin) throw new Error(`${name} ${ids.join()}: not within the replicas ${replicas.join()}`);
  }
  if (leader !== NO_LEADER && !isr.includes(leader)) throw new Error(`leader ${leader} is not in the isr`);
}
