import { z } from 'zod';
import { FilterTree } from './filters.ts';
import { type Owner, ownerSchema } from './owner.ts';
import { namedKey, parseQueueKey, queueRange, ROW } from './row.ts';
import { type QueueShare, SessionQueue } from './session-queue.ts';
import type { Table } from './table.ts';

const subscriptionSchema = z.object({
  topic: z.string(),
  qos: z.literal([0, 1, 2]),
  rh: z.number().optional(),
  rap: z.boolean().optional(),
  nl: z.boolean().optional(),
  subscriptionIdentifier: z.number().optional(),
});

/** A topic filter and its options, as a SUBSCRIBE has them. */
export type Subscription = z.output<typeof subscriptionSchema>;
/** Of a client whose subscriptions match a topic: those together. */
export type OwnedSubscription = Omit<Subscription, 'subscriptionIdentifier'> & {
  clientId: string;
  subscriptionIdentifier?: number | number[] | undefined;
};

const sessionRowSchema = z.object({
  clientId: z.string(),
  /** Whose it is; left out: whoever is the first to continue it. */
  ...ownerSchema.partial().shape,
  queue: z.number().int(),
  subscriptions: z.array(subscriptionSchema),
  /** How long it lives without a connection, s. */
  expirySeconds: z.number(),
  /** When its connection ended, on the clock of `Sessions`; null while it stands. */
  leftAtMs: z.number().nullable(),
});

const clockRowSchema = z.object({ ranMs: z.number() });

export interface Session {
  readonly clientId: string;
  /** Who may continue it; undefined: whoever is the first to. */
  owner: Owner | undefined;
  readonly queue: SessionQueue;
  readonly queueNumber: number;
  readonly subscriptions: Map<string, Subscription>;
  expirySeconds: number;
  leftAtMs: number | null;
  /** Messages there was no room for, since the agent started. */
  dropped: number;
}

export interface SessionsOptions {
  table: Table;
  share: QueueShare;
  /** Life of sessions that do not say (MQTT 3.1.1), and the longest of those that do, s. */
  expirySeconds: number;
  monotonicMs: () => number;
  onFlushed: (clientId: string) => void;
}

const CLOCK_KEY = `${ROW.meta}clock`;
/** How often the clock of expiry is written while a session is away. */
const CLOCK_WRITE_MS = 10 * 60_000;

/**
 * The persistent sessions: subscriptions in memory and on disk, queues on disk. A session's absence is counted in time that
 * the agent ran: neither a wrong wall clock nor a gateway that was switched off ends it.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #byClient = new Map<string, Session>();
  readonly #tree = new FilterTree<OwnedSubscription>();
  readonly #subscribed = new Set<string>();
  readonly #startedMs: number;
  #nextQueue = 0;
  #ranBeforeMs = 0;
  #clockWrittenMs = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#startedMs = options.monotonicMs();
    this.#load();
  }

  get size(): number {
    return this.#byClient.size;
  }

  /** The session that has been away the longest. */
  longestAway(): string | undefined {
    let longest: Session | undefined;
    for (const session of this.#byClient.values()) {
      if (session.leftAtMs !== null && session.leftAtMs < (longest?.leftAtMs ?? Number.POSITIVE_INFINITY)) {
        longest = session;
      }
    }
    return longest?.clientId;
  }

  /** Filters with QoS above 0 of all sessions. */
  get subscriptionCount(): number {
    let count = 0;
    for (const { subscriptions } of this.#byClient.values()) {
      for (const { qos } of subscriptions.values()) if (qos > 0) count++;
    }
    return count;
  }

  list(): IterableIterator<Session> {
    return this.#byClient.values();
  }

  get(clientId: string): Session | undefined {
    return this.#byClient.get(clientId);
  }

  /** Subscriptions with QoS above 0 that match, one for a client: that of the highest QoS, with the identifiers of all. */
  matching(topic: string): OwnedSubscription[] {
    const found = this.#tree.match(topic);
    if (found.length < 2) return found;
    const best = new Map<string, OwnedSubscription>();
    for (const one of found) {
      const other = best.get(one.clientId);
      best.set(one.clientId, other === undefined ? one : together(one, other));
    }
    return [...best.values()];
  }

  /** Written by `saveSubscriptions`: a session's filters are one row, and a SUBSCRIBE may bring a thousand. */
  subscribe(clientId: string, subscriptions: readonly Subscription[]): void {
    const session = this.#byClient.get(clientId) ?? this.#begin(clientId);
    for (const one of subscriptions) {
      const { topic, qos, rh, rap, nl, subscriptionIdentifier } = one;
      const own: Subscription = { topic, qos, rh, rap, nl };
      if (subscriptionIdentifier !== undefined) own.subscriptionIdentifier = subscriptionIdentifier;
      session.subscriptions.set(topic, own);
      if (qos > 0) this.#tree.set(topic, clientId, { ...own, clientId });
      else this.#tree.delete(topic, clientId);
    }
    this.#subscribed.add(clientId);
  }

  saveSubscriptions(): void {
    for (const clientId of this.#subscribed) {
      const session = this.#byClient.get(clientId);
      if (session !== undefined) this.#save(session);
    }
    this.#subscribed.clear();
  }

  unsubscribe(clientId: string, topics: readonly string[]): void {
    const session = this.#byClient.get(clientId);
    if (session === undefined) return;
    for (const topic of topics) {
      if (session.subscriptions.delete(topic)) this.#tree.delete(topic, clientId);
    }
    this.#save(session);
  }

  /** Forgets the session and what is queued for it. */
  end(clientId: string): void {
    const session = this.#byClient.get(clientId);
    if (session === undefined) return;
    for (const topic of session.subscriptions.keys()) this.#tree.delete(topic, clientId);
    session.queue.clear();
    this.#byClient.delete(clientId);
    this.#options.table.remove(namedKey(ROW.session, clientId));
  }

  /**
   * Begins the session where there is none. `expirySeconds` is what the client asked for, undefined where it could not; `owner` is whose
   * it is from now on, undefined where nobody was asked.
   */
  connected(clientId: string, expirySeconds: number | undefined, owner?: Owner): Session {
    const session = this.#byClient.get(clientId) ?? this.#begin(clientId);
    const before = session.owner;
    if (
      owner !== undefined &&
      (before?.user !== owner.user || before.byCertificate !== owner.byCertificate)
    ) {
      session.owner = owner;
      this.#save(session);
    }
    this.#touch(clientId, expirySeconds, null);
    return session;
  }

  left(clientId: string, expirySeconds: number | undefined): void {
    this.#touch(clientId, expirySeconds, this.#ranMs());
  }

  /** Those whose time is over. To be asked every now and then: it keeps the clock, too. */
  expired(): string[] {
    const ranMs = this.#ranMs();
    const away = [...this.#byClient.values()].filter(({ leftAtMs }) => leftAtMs !== null);
    if (away.length > 0 && ranMs - this.#clockWrittenMs >= CLOCK_WRITE_MS) this.#saveClock(ranMs);
    return away
      .filter(({ leftAtMs, expirySeconds }) => ranMs - leftAtMs! >= expirySeconds * 1000)
      .map(({ clientId }) => clientId);
  }

  /** What is left of a session's life, ms; undefined while it is connected. */
  expiresInMs({ leftAtMs, expirySeconds }: Session): number | undefined {
    return leftAtMs === null ? undefined : Math.max(0, leftAtMs + expirySeconds * 1000 - this.#ranMs());
  }

  close(): void {
    const ranMs = this.#ranMs();
    for (const { clientId, leftAtMs, expirySeconds } of this.#byClient.values()) {
      if (leftAtMs === null) this.left(clientId, expirySeconds);
    }
    if (this.#byClient.size > 0) this.#saveClock(ranMs);
  }

  /** How long the agent ran, over all its starts. */
  #ranMs(): number {
    return this.#ranBeforeMs + this.#options.monotonicMs() - this.#startedMs;
  }

  #touch(clientId: string, asked: number | undefined, leftAtMs: number | null): void {
    const session = this.#byClient.get(clientId);
    if (session === undefined) return;
    const { expirySeconds: longest } = this.#options;
    const expirySeconds = Math.min(asked ?? longest, longest);
    if (session.expirySeconds === expirySeconds && session.leftAtMs === leftAtMs) return;
    session.expirySeconds = expirySeconds;
    session.leftAtMs = leftAtMs;
    this.#save(session);
  }

  #begin(clientId: string): Session {
    const session = this.#add(clientId);
    this.#save(session);
    return session;
  }

  #add(clientId: string, queueNumber = this.#nextQueue): Session {
    const { share, onFlushed, expirySeconds } = this.#options;
    this.#nextQueue = Math.max(this.#nextQueue, queueNumber + 1);
    const session: Session = {
      clientId,
      owner: undefined,
      queue: new SessionQueue(queueNumber, share, () => onFlushed(clientId)),
      queueNumber,
      subscriptions: new Map(),
      expirySeconds,
      leftAtMs: null,
      dropped: 0,
    };
    this.#byClient.set(clientId, session);
    return session;
  }

  #save({ clientId, owner, queueNumber, subscriptions, expirySeconds, leftAtMs }: Session): void {
    const row: z.input<typeof sessionRowSchema> = {
      clientId,
      ...owner,
      queue: queueNumber,
      subscriptions: [...subscriptions.values()],
      expirySeconds,
      leftAtMs,
    };
    this.#options.table.put(namedKey(ROW.session, clientId), Buffer.from(JSON.stringify(row)));
  }

  #saveClock(ranMs: number): void {
    this.#clockWrittenMs = ranMs;
    this.#options.table.put(CLOCK_KEY, Buffer.from(JSON.stringify({ ranMs })));
  }

  #load(): void {
    const { table } = this.#options;
    const clock = table.get(CLOCK_KEY);
    if (clock !== undefined) this.#ranBeforeMs = clockRowSchema.parse(JSON.parse(clock.toString())).ranMs;
    const queues = new Map<number, Session>();
    for (const [, value] of table.all(ROW.session, `${ROW.session}\u00ff`)) {
      const row = sessionRowSchema.parse(JSON.parse(value.toString()));
      const session = this.#add(row.clientId, row.queue);
      queues.set(row.queue, session);
      const { user, byCertificate } = row;
      if (user !== undefined) session.owner = { user, byCertificate };
      session.expirySeconds = row.expirySeconds;
      session.leftAtMs = row.leftAtMs ?? this.#ranBeforeMs;
      // A later start of the clock than was written is one that a crash forgot.
      this.#ranBeforeMs = Math.max(this.#ranBeforeMs, session.leftAtMs);
      for (const one of row.subscriptions) {
        session.subscriptions.set(one.topic, one);
        if (one.qos > 0) this.#tree.set(one.topic, row.clientId, { ...one, clientId: row.clientId });
      }
    }
    const ownerless: string[] = [];
    for (const key of table.diskKeys(queueRange(0)[0], `${ROW.queue}\u00ff`)) {
      const { queue, seq, sizeBytes } = parseQueueKey(key);
      const session = queues.get(queue);
      if (session === undefined) ownerless.push(key);
      else session.queue.found(seq, sizeBytes);
    }
    for (const key of ownerless) table.remove(key);
  }
}

function together(one: OwnedSubscription, other: OwnedSubscription): OwnedSubscription {
  const ids = [one, other].flatMap(({ subscriptionIdentifier = [] }) => subscriptionIdentifier);
  return {
    ...(one.qos > other.qos ? one : other),
    nl: one.nl === true && other.nl === true,
    ...(ids.length > 0 && { subscriptionIdentifier: ids }),
  };
}
