import { z } from 'zod';

const brokerId = z.int().min(0);

/** No broker leads. */
export const NO_LEADER = -1;

/**
 * A partition as the cluster's metadata has it, under a key whose revision is the partition epoch: every change is a
 * compare-and-swap on that revision, by its leader (the ISR) or by the controller (anything).
 */
export const partitionRecord = z.strictObject({
  /** In order of preference. While a reassignment runs, old and new ones. */
  replicas: z.array(brokerId).min(1).readonly(),
  /** In-sync replicas: each has everything below the high watermark. Empty only while `elr` may be used. */
  isr: z.array(brokerId).readonly(),
  /** Eligible leader replicas [KIP-966]: left the ISR after the high watermark had stopped, so they miss nothing. */
  elr: z.array(brokerId).readonly(),
  leader: z.int().min(NO_LEADER),
  /** Grows with every change of `leader` and whenever the leader has begun anew. */
  leaderEpoch: z.int().min(0),
  /** Under which registration the leader leads: one that has restarted since does not. −1 with no leader. */
  leaderBrokerEpoch: z.int().min(-1),
  /**
   * The topic's min.insync.replicas, here so that it changes in one step with what depends on it: while the ISR is
   * smaller the high watermark stands still, which is what makes `elr` safe.
   */
  minInsync: z.int().min(1),
  /** Members of `replicas` that a reassignment brings and takes away. */
  adding: z.array(brokerId).readonly(),
  removing: z.array(brokerId).readonly(),
});
export type PartitionRecord = Readonly<z.output<typeof partitionRecord>>;

/** A broker as long as its lease lives. The key's creation revision is the broker epoch. */
export const brokerRecord = z.strictObject({
  /** What its disk was marked with for this registration. */
  mark: z.string().min(1),
  kafka: z.string(),
  sync: z.string(),
  http: z.string(),
  rack: z.string().nullable(),
  /** It is about to end, or an operator empties it: leads nothing it need not lead, joins no ISR. */
  draining: z.boolean(),
});
export type BrokerRecord = Readonly<z.output<typeof brokerRecord>>;

/**
 * What outlives a broker's lease: the mark of the disk that counts as holding all that the broker ever confirmed. A broker draws a
 * new mark for every registration, and every few seconds while it runs; it writes it to its disk first, beside the last one, then here.
 * So another disk, or a copy of this one from a backup, does not know the mark that stands here: its broker has lost data. It leaves
 * every ISR and ELR, and only then its mark is accepted.
 */
export const directoryRecord = z.strictObject({
  mark: z.string().min(1),
  /** The mark of the registration that was accepted. */
  accepted: z.string().min(1),
});
export type DirectoryRecord = Readonly<z.output<typeof directoryRecord>>;

/** Whether a disk with these marks, the last and perhaps one on its way, still has all that its broker confirmed. */
export function isIntact(marks: readonly string[], known: DirectoryRecord | undefined): boolean {
  return known === undefined || marks.includes(known.mark);
}

/** Whether a registration is the one whose disk was accepted. */
export function isAccepted(broker: BrokerRecord, known: DirectoryRecord | undefined): boolean {
  return broker.mark === known?.accepted;
}
