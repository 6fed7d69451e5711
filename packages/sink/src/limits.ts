/** So many batches of a producer the cluster remembers: a repeat of an older one is refused, and order over retries holds for no more. */
export const DEPTH_MAX = 5;

/** Batches of a run that are sent, and of which it is not known yet whether somebody opened the run elsewhere. */
export const UNVERIFIED_MAX = 16;

/** As long as other batches are under way, what is committed waits so long to be verified together with them; less where a look takes long. */
export const LOOK_AFTER_MS = 100;
export const LOOK_AFTER_MS_MIN = 10;

/**
 * A session sends nothing when the last record that it wrote to the positions topic is older. So what was written last there tells until
 * when anything of a run can have been sent.
 */
export const LEASE_MS = 60_000;

/** How long after it was sent a batch may reach the log: in a broker's queue, in the network, in a process that stood still. */
export const LATE_MS = 300_000;

/** How long what another session has under way is waited for, once it can know that it is replaced; longer where its records ask for it. */
export const HANDOVER_MS = 500;
export const HANDOVER_MS_MAX = 10_000;

/** How long an opening waits for what is in flight of its run, and for what the leader has to be committed. */
export const SETTLE_MS_MAX = 10_000;

/** How long a process that stops waits for a cluster: what is not written down by then is looked for when the runs are opened again. */
export const CLOSE_MS_MAX = 5_000;

/** How long a leader that knows less than was acknowledged is held for one that does not lead any more. */
export const DOUBT_MS = 30_000;

/** Committed positions are written this much later at most. */
export const POSITIONS_EVERY_MS = 1_000;

/** A run of which nothing came for so long is written down as exact: should the cluster forget it, nothing is scanned. */
export const QUIET_MS = 30_000;

/**
 * A run of which nothing came for so long, and of which all is written down, is dropped from memory: its next batch is answered with
 * `not-available`, upon which the agent opens it again. Longer than an opening would have to wait for what is late.
 */
export const GONE_MS = LEASE_MS + LATE_MS + 240_000;

/** Runs that are not open here whose records are kept in memory, of openings and of positions each. */
export const RECORDS_KEPT = 10_000;

/** What a cluster that does not tell is held to keep producers for: Kafka's default. */
export const EXPIRATION_MS = 86_400_000;
