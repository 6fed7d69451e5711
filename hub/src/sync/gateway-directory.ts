import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import type { Logger } from '@edgelog/runtime';
import type { GatewayDirectory, NameClaim, SyncServer } from '@edgelog/sync';
import { apis } from '@edgelog/wire';
import { z } from 'zod';
import type { ClusterHandle, EtcdTable } from '../cluster/index.ts';
import type { PeerLink, Peers } from '../replication/peers.ts';

/** Folder of the cluster's metadata. */
const FOLDER = 'gateways';

/**
 * Where a gateway connected last. It is not deleted when the gateway goes: that would be another write for each, and who asks for the
 * name asks that broker first. With the broker's registration it counts for nothing.
 */
const gatewayRecord = z.strictObject({
  instance: z.string(),
  brokerId: z.int().min(0),
  /** Registration of the broker. */
  brokerEpoch: z.int(),
  sinceMs: z.int(),
});
export type GatewayRecord = z.output<typeof gatewayRecord>;

interface Presence extends NameClaim {
  readonly sinceMs: number;
  isRegistered: boolean;
}

export interface ClusterDirectoryDeps {
  readonly cluster: Pick<ClusterHandle, 'brokerId' | 'mirror' | 'session' | 'table'>;
  readonly peers: Pick<Peers, 'open'>;
  readonly log: Logger;
  readonly now: () => number;
}

const RETRY_MS = 500;
const WRITES_AT_A_TIME = 8;
/** The broker that is asked waits five seconds for a sign of life. */
const CHALLENGE_MS_MAX = 8_000;

/**
 * Which broker has which gateway, so that two live agents under one name are found out at different brokers too. An agent that moved (the same
 * instance), or whose broker is gone, is let in at once, and the metadata is told behind its back: etcd holds up nobody.
 * Where another instance was last seen at a broker that lives, that broker is asked, and asks its agent.
 */
export class ClusterDirectory implements GatewayDirectory {
  readonly #deps: ClusterDirectoryDeps;
  readonly #table: EtcdTable<GatewayRecord>;
  /** Live sessions of this broker. */
  readonly #here = new Map<string, Presence>();
  /** Those that were sent elsewhere and were at no other broker since. */
  readonly #sent = new Set<string>();
  readonly #links = new Map<number, PeerLink>();
  readonly #waiting: (() => Promise<void>)[] = [];
  #writing = 0;
  #server: Pick<SyncServer, 'challenge' | 'dismiss'> | undefined;

  constructor(deps: ClusterDirectoryDeps) {
    this.#deps = deps;
    this.#table = deps.cluster.table(FOLDER, gatewayRecord);
    this.#table.onChange((gateway) => this.#onChange(gateway));
    deps.cluster.session.onRegistered(() => this.#registerAll());
  }

  /** The sessions that this is about. */
  attach(server: Pick<SyncServer, 'challenge' | 'dismiss'>): void {
    this.#server = server;
  }

  async claim(gateway: string, claim: NameClaim): Promise<string | undefined> {
    const known = this.#table.get(gateway);
    const refusal = await this.#refusalOf(gateway, claim);
    if (refusal !== undefined) return refusal;
    if (known !== undefined && known.brokerId !== this.#deps.cluster.brokerId) this.#sent.delete(gateway);
    const presence: Presence = { ...claim, sinceMs: this.#deps.now(), isRegistered: false };
    this.#here.set(gateway, presence);
    this.#enqueue(() => this.#register(gateway, presence, known));
    return undefined;
  }

  release(gateway: string, instance: string): void {
    if (this.#here.get(gateway)?.instance === instance) this.#here.delete(gateway);
  }

  /** How many gateways are at each of these brokers, given with their registrations; at others those that went are counted on. */
  counts(brokers: ReadonlyMap<number, number>): Map<number, number> {
    const counts = new Map([...brokers.keys()].map((id) => [id, 0]));
    for (const [, { brokerId, brokerEpoch }] of this.#table.all()) {
      if (brokers.get(brokerId) === brokerEpoch) counts.set(brokerId, counts.get(brokerId)! + 1);
    }
    return counts.set(this.#deps.cluster.brokerId, this.#here.size);
  }

  /** Gateways here that came before then, and would not come straight back if they were sent elsewhere. */
  mayGo(beforeMs: number): string[] {
    const all = [...this.#here].filter(
      ([gateway, { sinceMs }]) => sinceMs < beforeMs && !this.#sent.has(gateway),
    );
    return all.map(([gateway]) => gateway);
  }

  sendElsewhere(gateway: string, why: string): void {
    const presence = this.#here.get(gateway);
    if (presence === undefined) return;
    this.#sent.add(gateway);
    this.#server?.dismiss(gateway, presence.instance, 'shutting-down', why);
  }

  /** Another broker asks, for an instance that connected there. */
  async challenge(gateway: string, claim: NameClaim): Promise<string | undefined> {
    return this.#server?.challenge(gateway, claim);
  }

  #epochOf(brokerId: number): number | undefined {
    return this.#deps.cluster.mirror.metadata.broker(brokerId)?.epoch;
  }

  /** Where the gateway connected last, if that is another broker, which lives. */
  elsewhere(gateway: string): GatewayRecord | undefined {
    const known = this.#table.get(gateway);
    if (known === undefined || known.brokerId === this.#deps.cluster.brokerId) return undefined;
    return this.#epochOf(known.brokerId) === known.brokerEpoch ? known : undefined;
  }

  async #refusalOf(gateway: string, { instance, remote }: NameClaim): Promise<string | undefined> {
    const other = this.elsewhere(gateway);
    if (other === undefined || other.instance === instance) return undefined;
    const { brokerId } = this.#deps.cluster;
    try {
      const body = { gateway, instance, remote: `${remote}, broker ${brokerId}` };
      const link = this.#link(other.brokerId);
      return (
        (await link.request(apis.challengeGateway, body, { timeoutMs: CHALLENGE_MS_MAX })).refusal ??
        undefined
      );
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      // Whoever cannot be asked keeps no gateway from connecting: a clone is found out by what it sends.
      const reason = error.message;
      this.#deps.log.warn('the broker that had a gateway cannot be asked', { gateway, ...other, reason });
      return undefined;
    }
  }

  #link(brokerId: number): PeerLink {
    let link = this.#links.get(brokerId);
    if (link === undefined) {
      link = this.#deps.peers.open(brokerId);
      this.#links.set(brokerId, link);
    }
    return link;
  }

  /** Writes that the gateway is here, in place of what was known when it was let in; gives it up when another broker wrote the same meanwhile. */
  async #register(gateway: string, presence: Presence, judged: GatewayRecord | undefined): Promise<void> {
    const { cluster } = this.#deps;
    let known = judged;
    while (this.#here.get(gateway) === presence) {
      const brokerEpoch = cluster.session.epoch;
      if (brokerEpoch === undefined) return; // all are registered with the broker
      const { instance, sinceMs } = presence;
      const record = { instance, brokerId: cluster.brokerId, brokerEpoch, sinceMs };
      try {
        if (await this.#table.swap(gateway, known, record)) {
          presence.isRegistered = true;
          return;
        }
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        await delay(RETRY_MS, undefined, { ref: false });
      }
      known = this.#table.get(gateway);
      const other = this.elsewhere(gateway);
      if (other === undefined) continue;
      if (other.instance === instance) return this.#leave(gateway, presence, other.brokerId);
      const refusal = await this.#refusalOf(gateway, presence);
      if (refusal !== undefined) {
        this.#server?.dismiss(gateway, instance, 'duplicate-instance', refusal);
        return;
      }
    }
  }

  #onChange(gateway: string): void {
    const presence = this.#here.get(gateway);
    const other = this.elsewhere(gateway);
    if (presence?.isRegistered && other !== undefined) this.#leave(gateway, presence, other.brokerId);
  }

  #leave(gateway: string, { instance }: Presence, brokerId: number): void {
    const message = `the gateway connected to broker ${brokerId}`;
    this.#server?.dismiss(gateway, instance, 'shutting-down', message);
  }

  /**
   * The broker has a new registration, without which what is written counts for nothing. Who went elsewhere in the meantime stays there: a
   * connection that was cut off may not have ended here yet.
   */
  #registerAll(): void {
    for (const [gateway, presence] of this.#here) {
      presence.isRegistered = false;
      this.#enqueue(async () => {
        const known = this.#table.get(gateway);
        const other = this.elsewhere(gateway);
        if (other === undefined || other.sinceMs <= presence.sinceMs)
          await this.#register(gateway, presence, known);
        else if (this.#here.get(gateway) === presence) this.#leave(gateway, presence, other.brokerId);
      });
    }
  }

  #enqueue(write: () => Promise<void>): void {
    this.#waiting.push(write);
    if (this.#writing < WRITES_AT_A_TIME) void this.#work();
  }

  async #work(): Promise<void> {
    this.#writing++;
    for (let write = this.#waiting.shift(); write !== undefined; write = this.#waiting.shift()) await write();
    this.#writing--;
  }
}
