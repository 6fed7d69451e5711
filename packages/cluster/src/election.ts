import { assert } from '@edgelog/base';
import { NO_LEADER, type PartitionRecord } from './records.ts';

/** What an election asks about a broker. */
export interface BrokerState {
  /** Its registration, undefined while it has none. */
  readonly epoch: number | undefined;
  readonly draining: boolean;
  /** Its disk is another one, or an older copy: nothing that it once confirmed can be counted on. */
  readonly lostData: boolean;
}

export type BrokerStates = (brokerId: number) => BrokerState;

/**
 * What has to become of a partition as its brokers are now; the record itself where nothing has to. Looks at states, not
 * at events, so it may be asked at any time and as often as one likes.
 */
export function settle(record: PartitionRecord, brokers: BrokerStates): PartitionRecord {
  let settled = record;
  for (let next = settleOnce(settled, brokers); next !== settled; next = settleOnce(settled, brokers))
    settled = next;
  return settled;
}

/** A new leader may complete a reassignment, which may call for another leader: each step leaves less to do. */
function settleOnce(record: PartitionRecord, brokers: BrokerStates): PartitionRecord {
  const reassigned = completeReassignment(record);
  const isr = withoutGone(reassigned, brokers);
  const elr = eligible(reassigned, isr, brokers);
  return lead({ ...reassigned, isr, elr }, record, brokers, chooseLeader);
}

/** Gives the lead to the first replica, where that one may lead [KIP-183: preferred leader election]. */
export function preferFirst(record: PartitionRecord, brokers: BrokerStates): PartitionRecord {
  const [first] = record.replicas;
  return record.isr.includes(first!) && mayLead(first!, brokers) && !brokers(first!).draining
    ? lead(record, record, brokers, () => first!)
    : record;
}

/**
 * Gives the lead to any living replica, though records that were acknowledged may be missing from it: by an operator's
 * explicit choice alone, and only where nobody else can lead.
 */
export function electUnclean(record: PartitionRecord, brokers: BrokerStates): PartitionRecord {
  if (record.leader !== NO_LEADER) return record;
  const alive = record.replicas.find((id) => brokers(id).epoch !== undefined);
  if (alive === undefined) return record;
  return lead({ ...record, isr: [alive], elr: [] }, record, brokers, () => alive);
}

/** The ISR that a leader asks for, in a record to swap for the one it has. */
export function withIsr(record: PartitionRecord, isr: readonly number[]): PartitionRecord {
  assert(isr.includes(record.leader), `the leader ${record.leader} is in its ISR`);
  const ordered = record.replicas.filter((id) => isr.includes(id));
  assert(ordered.length === isr.length, `the ISR ${isr.join()} lies within the replicas`);
  const elr =
    ordered.length >= record.minInsync
      ? []
      : union(record.elr, record.isr).filter((id) => !ordered.includes(id));
  return { ...record, isr: ordered, elr };
}

/** A change of min.insync.replicas takes what was eligible under the old one away, unless the ISR is too small under both. */
export function withMinInsync(record: PartitionRecord, minInsync: number): PartitionRecord {
  const stood = record.isr.length < Math.min(record.minInsync, minInsync);
  return { ...record, minInsync, elr: stood ? record.elr : [] };
}

/** Begins a reassignment to `target` (or turns a running one there); new replicas follow, and join the ISR in their time. */
export function reassign(record: PartitionRecord, target: readonly number[]): PartitionRecord {
  assert(new Set(target).size === target.length && target.length > 0, `a replica list: ${target.join()}`);
  const current = record.replicas.filter((id) => !record.adding.includes(id));
  const arrived = record.isr.filter((id) => record.adding.includes(id));
  const removing = union(current, arrived).filter((id) => !target.includes(id));
  const replicas = [...target, ...removing];
  return {
    ...record,
    replicas,
    elr: record.elr.filter((id) => replicas.includes(id)),
    adding: target.filter((id) => !current.includes(id)),
    removing,
  };
}

/**
 * What becomes of a partition when one of its replicas cannot be read any more and says so itself: it counts for nothing, and another one leads.
 * The epoch grows in any case, so that nothing the replica has told its leader before counts either. The record itself where nobody else is
 * in sync: what is damaged is then still the best there is.
 */
export function resign(record: PartitionRecord, id: number, brokers: BrokerStates): PartitionRecord {
  const isr = record.isr.filter((one) => one !== id);
  const elr = record.elr.filter((one) => one !== id);
  if (isr.length === 0) return record;
  const next = { ...record, isr, elr, leaderEpoch: record.leaderEpoch + 1 };
  if (record.leader !== id) return next;
  const usable = record.replicas.filter((one) => isr.includes(one) && mayLead(one, brokers));
  const leader = usable.find((one) => !brokers(one).draining) ?? usable[0];
  if (leader === undefined) return record;
  return { ...next, leader, leaderBrokerEpoch: brokers(leader).epoch! };
}

function completeReassignment(record: PartitionRecord): PartitionRecord {
  const { replicas, isr, adding, removing } = record;
  if (adding.length === 0 && removing.length === 0) return record;
  const target = replicas.filter((id) => !removing.includes(id));
  const arrived = isr.filter((id) => target.includes(id));
  const enough = Math.min(record.minInsync, target.length);
  if (!adding.every((id) => isr.includes(id)) || arrived.length < enough) return record;
  const elr = record.elr.filter((id) => target.includes(id));
  return { ...record, replicas: target, isr: arrived, elr, adding: [], removing: [] };
}

/** A broker that drains leaves the ISR too, as long as somebody who stays is left in it. */
function withoutGone({ isr }: PartitionRecord, brokers: BrokerStates): readonly number[] {
  const alive = isr.filter((id) => mayLead(id, brokers));
  const staying = alive.filter((id) => !brokers(id).draining);
  return staying.length > 0 ? staying : alive;
}

function eligible(record: PartitionRecord, isr: readonly number[], brokers: BrokerStates): readonly number[] {
  if (isr.length >= record.minInsync) return [];
  return union(record.elr, record.isr).filter((id) => !isr.includes(id) && !brokers(id).lostData);
}

function chooseLeader(record: PartitionRecord, brokers: BrokerStates): number {
  const { leader, leaderBrokerEpoch, isr, elr, replicas } = record;
  const usable = replicas.filter((id) => isr.includes(id) && mayLead(id, brokers));
  const staying = usable.filter((id) => !brokers(id).draining);
  const choices = staying.length > 0 ? staying : usable;
  if (choices.includes(leader) && brokers(leader).epoch === leaderBrokerEpoch) return leader;
  return (
    choices[0] ??
    (isr.length === 0 ? replicas.find((id) => elr.includes(id) && mayLead(id, brokers)) : undefined) ??
    NO_LEADER
  );
}

function lead(
  wanted: PartitionRecord,
  old: PartitionRecord,
  brokers: BrokerStates,
  choose: typeof chooseLeader,
): PartitionRecord {
  const leader = choose(wanted, brokers);
  const leaderBrokerEpoch = leader === NO_LEADER ? -1 : brokers(leader).epoch!;
  const isNew = leader !== old.leader || leaderBrokerEpoch !== old.leaderBrokerEpoch;
  const isr = leader === NO_LEADER || wanted.isr.includes(leader) ? wanted.isr : [leader];
  const next: PartitionRecord = {
    ...wanted,
    isr,
    elr: isr.length >= wanted.minInsync ? [] : wanted.elr.filter((id) => id !== leader),
    leader,
    leaderBrokerEpoch,
    leaderEpoch: old.leaderEpoch + (isNew ? 1 : 0),
  };
  return same(next, old) ? old : next;
}

function mayLead(id: number, brokers: BrokerStates): boolean {
  const { epoch, lostData } = brokers(id);
  return epoch !== undefined && !lostData;
}

const union = (a: readonly number[], b: readonly number[]): number[] => [...new Set([...a, ...b])];

function same(a: PartitionRecord, b: PartitionRecord): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
