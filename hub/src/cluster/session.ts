import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import {
  type BrokerRecord,
  brokerRecord,
  type DirectoryRecord,
  directoryRecord,
  isIntact,
} from '@edgelog/cluster';
import type { Comparison, EtcdClient, KeyValue, LeaseKeeper } from '@edgelog/etcd';
import { describeError, type Logger } from '@edgelog/runtime';
import type { ClusterKeys } from './keys.ts';
import type { Membership } from './membership.ts';
import type { MetadataMirror } from './mirror/mirror.ts';
import { parseJson } from './mirror/parse.ts';

const RETRY_MS = 200;
/** A copy of the disk that is older than this is found out. */
const MARK_MS = 3_000;
/** While something is waited for, it is said so often. */
const TELL_MS = 5_000;

/** Where others reach this broker, HOST:PORT each. */
export interface Endpoints {
  readonly kafka: string;
  readonly sync: string;
  readonly http: string;
}

export interface SessionOptions {
  readonly etcd: EtcdClient;
  readonly keys: ClusterKeys;
  readonly mirror: MetadataMirror;
  readonly membership: Membership;
  readonly brokerId: number;
  readonly rack: string | null;
  /** TTL of the lease. */
  readonly sessionMs: number;
  readonly log: Logger;
}

interface Registration {
  readonly epoch: number;
  readonly lease: LeaseKeeper;
}

/** A registration of this broker's id that is not its own. */
interface Occupied {
  readonly epoch: number;
  /** Of its lease. */
  readonly leftMs: number;
  readonly since: number;
}

/**
 * This broker's place among the living: a lease that is kept, and under it a registration, whose creation revision is the broker
 * epoch. Lost, it is made anew, as another one.
 */
export class BrokerSession {
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();
  readonly #whenRegistered = new Set<(epoch: number) => void>();
  readonly #whenLost = new Set<() => void>();
  #endpoints: Endpoints | undefined;
  #isDraining = false;
  #registration: Registration | undefined;
  #running: Promise<void> | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #waitsFor = 'the first registration';

  constructor(options: SessionOptions) {
    this.#options = options;
    options.mirror.onChange(({ brokers }) => {
      for (const { before, after } of brokers) {
        if ((after ?? before)!.id === options.brokerId) this.#onOwn(after?.epoch, after?.record.draining);
      }
    });
  }

  get brokerId(): number {
    return this.#options.brokerId;
  }

  /**
   * The registration, as long as it surely stands; to be asked right before each deed in its name, every acknowledgement of a
   * leader among them.
   */
  get epoch(): number | undefined {
    const registration = this.#registration;
    return registration?.lease.held ? registration.epoch : undefined;
  }

  /** Of the registration, for other keys that are to end with it. */
  get leaseId(): string | undefined {
    return this.#registration?.lease.id;
  }

  /** What every write in this broker's name compares, undefined while it is not registered. */
  get guard(): Comparison | undefined {
    const { epoch } = this;
    const { keys, brokerId } = this.#options;
    return epoch === undefined ? undefined : { key: keys.broker(brokerId), createRevision: epoch };
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Why it is not registered, undefined while it is. */
  get trouble(): string | undefined {
    return this.epoch === undefined ? `not registered in the cluster: ${this.#waitsFor}` : undefined;
  }

  /** Heard soon after each registration, when `epoch` is the one given or already undefined again. */
  onRegistered(listener: (epoch: number) => void): void {
    this.#whenRegistered.add(listener);
  }

  /** Heard soon after `epoch` came to be undefined. */
  onLost(listener: () => void): void {
    this.#whenLost.add(listener);
  }

  /**
   * Registers, and keeps at it until `stop`. Resolves with the first registration; rejects with CONFIG_INVALID when another broker
   * that lives has this id.
   */
  async start(endpoints: Endpoints): Promise<void> {
    this.#endpoints = endpoints;
    const first = new Promise<void>((resolve) => this.onRegistered(() => resolve()));
    this.#running = this.#run();
    this.#running.catch(() => {});
    await Promise.race([first, this.#running]);
  }

  /** Rejects when the session cannot go on: another broker has this id. Resolves after `stop`. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Says whether the broker leads and joins nothing that it need not; also after another registration. */
  async setDraining(draining: boolean): Promise<void> {
    this.#isDraining = draining;
    const { etcd, keys, mirror, brokerId } = this.#options;
    for (let guard = this.guard; guard !== undefined && !this.isStopping; guard = this.guard) {
      const own = mirror.metadata.broker(brokerId);
      if (own === undefined || own.record.draining === draining) return;
      const key = keys.broker(brokerId);
      const value = JSON.stringify({ ...own.record, draining } satisfies BrokerRecord);
      const put = { put: key, value, lease: this.leaseId! };
      try {
        const compare = [guard, { key, modRevision: own.revision }];
        const { succeeded, revision } = await etcd.txn({ compare, success: [put] }, this.#limits);
        if (succeeded) await mirror.caughtUp(revision);
        else await this.#pause();
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        await this.#pause();
      }
    }
  }

  /** Ends the registration, and all else under its lease. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#end();
    await this.#running?.catch(() => {});
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** After half of the TTL a write is given up and what became of it is read. */
  get #limits(): { timeoutMs: number } {
    return { timeoutMs: this.#options.sessionMs / 2 };
  }

  async #run(): Promise<void> {
    const { log } = this.#options;
    const marking = this.#keepMarking();
    try {
      while (!this.isStopping) {
        const lease = await this.#grant();
        if (lease === undefined) break;
        try {
          const epoch = await this.#register(lease);
          if (epoch === undefined) continue;
          this.#begin({ epoch, lease });
          await this.#lost({ epoch, lease });
        } finally {
          const revoked = this.#revoke(lease);
          if (this.isStopping) await revoked; // else the next registration finds what it left
        }
        if (!this.isStopping) log.warn('registration lost', { reason: this.#waitsFor });
      }
    } finally {
      this.#stopping.abort();
      await marking;
    }
  }

  #begin(registration: Registration): void {
    const { epoch } = registration;
    this.#registration = registration;
    this.#options.log.info('registered in the cluster', { brokerId: this.brokerId, epoch });
    queueMicrotask(() => {
      for (const listener of this.#whenRegistered) listener(epoch);
    });
  }

  #end(): void {
    if (this.#registration === undefined) return;
    this.#registration = undefined;
    queueMicrotask(() => {
      for (const listener of this.#whenLost) listener();
    });
  }

  /** What the metadata says of this broker. */
  #onOwn(epoch: number | undefined, draining: boolean | undefined): void {
    if (this.#registration === undefined) return;
    if (epoch !== this.#registration.epoch) {
      this.#waitsFor = 'another broker took it for dead';
      this.#registration.lease.abandon();
      this.#end();
    } else if (draining !== undefined) this.#isDraining = draining;
  }

  /** Resolves when that registration has ended. */
  async #lost({ epoch, lease }: Registration): Promise<void> {
    const { mirror, brokerId } = this.#options;
    const { lost } = lease;
    const stopped = this.#stopping.signal;
    const either = AbortSignal.any([lost, stopped]);
    if (!either.aborted) {
      // It may have gone between its being read and this.
      this.#onOwn(mirror.metadata.broker(brokerId)?.epoch, undefined);
      if (this.#registration?.epoch === epoch)
        await new Promise<void>((resolve) =>
          either.addEventListener('abort', () => resolve(), { once: true }),
        );
    }
    if (this.#registration !== undefined) this.#waitsFor = describeError(lost.reason);
    this.#end();
  }

  async #grant(): Promise<LeaseKeeper | undefined> {
    const { etcd, keys, sessionMs } = this.#options;
    const ttlSeconds = Math.ceil(sessionMs / 1_000);
    while (!this.isStopping) {
      try {
        const signal = this.#stopping.signal;
        return await etcd.lease({ ttlSeconds, readableKey: keys.cluster, signal, timeoutMs: sessionMs });
      } catch (error) {
        await this.#failed('a lease', error);
      }
    }
    return undefined;
  }

  async #revoke(lease: LeaseKeeper): Promise<void> {
    try {
      await lease.revoke();
    } catch (error) {
      this.#options.log.debug('lease left to expire', { reason: describeError(error) });
    }
  }

  /** The broker epoch, or undefined when the lease ended first. */
  async #register(lease: LeaseKeeper): Promise<number | undefined> {
    let occupied: Occupied | undefined;
    while (lease.held && !this.isStopping) {
      try {
        const own = await this.#get(this.#options.keys.broker(this.brokerId));
        if (own?.lease === lease.id) {
          await this.#options.mirror.caughtUp(own.modRevision, this.#options.sessionMs);
          return own.createRevision;
        }
        if (own === undefined) await this.#tryRegister(lease);
        else if (this.#isFormer(own)) await this.#remove(own);
        else {
          occupied = await this.#checkTaken(own, occupied);
          await this.#pause();
        }
      } catch (error) {
        if (error instanceof EdgelogError && error.code === 'CONFIG_INVALID') throw error;
        await this.#failed('its registration', error);
      }
    }
    return undefined;
  }

  async #tryRegister(lease: LeaseKeeper): Promise<void> {
    const { etcd, keys, membership, brokerId, rack } = this.#options;
    const directoryKey = keys.directory(brokerId);
    const found = await this.#get(directoryKey);
    const known = found && parseJson(found.value, directoryRecord);
    const intact = isIntact(membership.marks, known);
    const { revision } = this.#options.mirror;
    const mark = await membership.markAnew(intact ? known?.mark : undefined, {
      registration: true,
      revision,
    });
    if (!intact) {
      const why = 'this data directory lacks what its broker once confirmed: it is a new one, or an old copy';
      this.#options.log.warn(why, { brokerId });
    }
    const record: BrokerRecord = { mark, ...this.#endpoints!, rack, draining: this.#isDraining };
    const directory: DirectoryRecord = { mark, accepted: mark };
    const key = keys.broker(brokerId);
    await etcd.txn(
      {
        compare: [
          { key, createRevision: 0 },
          { key: directoryKey, modRevision: found?.modRevision ?? 0 },
        ],
        success: [
          { put: key, value: JSON.stringify(record), lease: lease.id },
          ...(intact ? [{ put: directoryKey, value: JSON.stringify(directory) }] : []),
        ],
      },
      this.#limits,
    );
  }

  /** Made from this data directory: by an earlier process, or by this one under an earlier lease. */
  #isFormer({ value }: KeyValue): boolean {
    const record = parseJson(value, brokerRecord);
    return this.#options.membership.madeRegistration(record.mark);
  }

  async #remove({ key, modRevision }: KeyValue): Promise<void> {
    await this.#options.etcd.txn(
      { compare: [{ key, modRevision }], success: [{ delete: { key } }] },
      this.#limits,
    );
  }

  /** A lease that has more left than before, or is there after the whole of its TTL, is kept alive by somebody. */
  async #checkTaken(own: KeyValue, before: Occupied | undefined): Promise<Occupied> {
    const { etcd, brokerId } = this.#options;
    const { kafka } = parseJson(own.value, brokerRecord);
    this.#tell(`another broker at ${kafka} is registered under id ${brokerId}`);
    const { ttlMs, grantedTtlMs } = await etcd.leaseStatus(own.lease!, this.#limits);
    const now = performance.now();
    const isSame = before?.epoch === own.createRevision;
    const isKept = isSame && (ttlMs > before.leftMs || now - before.since > grantedTtlMs + 1_000);
    if (ttlMs === 0 || !isKept)
      return { epoch: own.createRevision, leftMs: ttlMs, since: isSame ? before.since : now };
    const message = `broker id ${brokerId} is taken by a live broker at ${kafka}: give each its own --broker-id`;
    throw new EdgelogError('CONFIG_INVALID', message);
  }

  async #keepMarking(): Promise<void> {
    while (!this.isStopping) {
      await this.#pause(MARK_MS);
      try {
        await this.#markAnew();
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        this.#options.log.debug('mark of the disk not renewed', { reason: describeError(error) });
      }
    }
  }

  /** What is confirmed from now on is on no copy of the disk that was taken before. */
  async #markAnew(): Promise<void> {
    const { etcd, keys, mirror, membership, brokerId } = this.#options;
    const known = mirror.metadata.directory(brokerId);
    const guard = this.guard;
    if (guard === undefined || known === undefined || mirror.metadata.states(brokerId).lostData) return;
    if (!membership.marks.includes(known.record.mark)) return;
    const { revision } = mirror;
    const mark = await membership.markAnew(known.record.mark, { registration: false, revision });
    const key = keys.directory(brokerId);
    const value = JSON.stringify({ ...known.record, mark } satisfies DirectoryRecord);
    const compare = [guard, { key, modRevision: known.revision }];
    await etcd.txn({ compare, success: [{ put: key, value }] }, this.#limits);
  }

  #get(key: string): Promise<KeyValue | undefined> {
    return this.#options.etcd.get(key, this.#limits);
  }

  async #failed(what: string, error: unknown): Promise<void> {
    if (this.isStopping) return;
    if (!(error instanceof EdgelogError)) throw error;
    this.#tell(`waits for ${what}: ${describeError(error)}`);
    await this.#pause();
  }

  #tell(what: string): void {
    this.#waitsFor = what;
    if (performance.now() - this.#toldAt < TELL_MS) return;
    this.#toldAt = performance.now();
    this.#options.log.warn('not registered in the cluster', { reason: what });
  }

  async #pause(ms = RETRY_MS): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }
}
