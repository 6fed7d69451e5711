import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { type CallOptions, EtcdClient } from '@edgelog/etcd';
import { describeError, formatAddress, parseAddress } from '@edgelog/runtime';
import { brokerConfigsRecord } from '../metadata/dynamic-broker-config.ts';
import { drawClusterId } from '../metadata/local-home.ts';
import { isUnspecified } from '../settings.ts';
import { Controller } from './controller/controller.ts';
import { drain } from './drain.ts';
import { EtcdAdmin } from './etcd-admin.ts';
import { etcdOptions } from './etcd-options.ts';
import { EtcdProducerIds } from './etcd-producer-ids.ts';
import { EtcdTopics } from './etcd-topics.ts';
import { FailureDetector } from './failure-detector.ts';
import type { ClusterDeps, ClusterHandle } from './index.ts';
import { ClusterKeys } from './keys.ts';
import { clusterOf, Membership } from './membership.ts';
import type { Metadata } from './mirror/metadata.ts';
import { MetadataMirror } from './mirror/mirror.ts';
import { parseJson } from './mirror/parse.ts';
import { clusterRecord } from './records.ts';
import { BrokerSession, type Endpoints } from './session.ts';
import { EtcdTable } from './table.ts';
import { clusterView } from './view.ts';
import { GuardedWrites } from './writes.ts';

const TRY_MS = 2_000;
const RETRY_MS = 500;
/** While etcd is waited for, it is said so often. */
const TELL_MS = 5_000;
const PREFERRED_DELAY_MS = 5_000;
const CLUSTER_PATH = 'cluster';

/**
 * Opens this broker's part in the cluster. Resolves when the cluster's metadata is known, however long etcd is waited for. Rejects
 * with DATA_DIR_INVALID when the data directory is not that of this broker of this cluster.
 */
export async function openCluster(deps: ClusterDeps): Promise<ClusterHandle> {
  const { settings, store, log } = deps;
  const { brokerId, brokerSessionMs: sessionMs } = settings;
  if (brokerId === undefined) throw new EdgelogError('CONFIG_INVALID', '--broker-id is required with --etcd');
  const etcd = new EtcdClient(etcdOptions(settings));
  const keys = new ClusterKeys(settings.etcdPrefix);
  const waiting = new Waiting(settings.etcd, deps);
  const mirror = new MetadataMirror({ etcd, keys, log, onBreak: (reason) => waiting.tell(reason) });
  try {
    const clusterId = await waiting.for((call) => clusterIdIn(etcd, keys, call, clusterOf(store)));
    await untilAborted(mirror.start(), deps.signal);
    const membership = await Membership.open(store, clusterId, brokerId);
    waiting.isOver = true;
    const isMetadataOld = mirror.revision < membership.seenRevision;
    if (isMetadataOld)
      log.error('the metadata is older than what this broker has seen: no log is deleted for want of it', {
        revision: mirror.revision,
        seen: membership.seenRevision,
      });
    const rack = settings.rack ?? null;
    const session = new BrokerSession({ etcd, keys, mirror, membership, brokerId, rack, sessionMs, log });
    const writes = new GuardedWrites(etcd, session, sessionMs / 2);
    const minInsync = settings.minInsync ?? Math.max(1, settings.replication - 1);
    const swaps = { keys, mirror, writes };
    const monotonic = (): number => performance.now();
    const controller = new Controller({
      ...swaps,
      session,
      log,
      now: monotonic,
      minInsync,
      preferredDelayMs: deps.preferredDelayMs ?? PREFERRED_DELAY_MS,
    });
    const table: ClusterHandle['table'] = (folder, schema) =>
      new EtcdTable({ keys, mirror, writes, log }, folder, schema);
    const detector = new FailureDetector({ ...swaps, session, controller, log });
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => {});
    mirror.onChange(({ others }) => {
      if (!others.some(({ path }) => path === CLUSTER_PATH)) return;
      const what = `the metadata of cluster ${clusterId} is gone from etcd: this broker ends, and deletes nothing`;
      ended.reject(new EdgelogError('STORE_FAILED', what));
      void session.stop();
    });
    let registered: Endpoints | undefined;
    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      detector.stop();
      await controller.stop();
      await session.stop();
      await mirror.stop();
      etcd.close();
    };
    return {
      brokerId,
      clusterId,
      keys,
      etcd,
      mirror,
      isMetadataOld,
      states: mirror.metadata.states,
      session,
      writes,
      topicAdmin: new EtcdTopics({
        ...swaps,
        topics: deps.topics,
        defaultReplicas: settings.replication,
        minInsync,
        now: deps.now,
      }),
      clusterAdmin: new EtcdAdmin(swaps),
      cluster: clusterView(mirror.metadata, {
        brokerId,
        rack,
        kafka: () => registered?.kafka,
        isMember: () => session.epoch !== undefined,
      }),
      producerIds: new EtcdProducerIds(etcd, keys),
      brokerConfigs: table('broker-configs', brokerConfigsRecord),
      table,
      register: async (endpoints) => {
        registered = reachable(endpoints);
        controller.start();
        detector.start();
        const first = session.start(registered);
        session.ended.then(ended.resolve, ended.reject);
        await untilAborted(first, deps.signal);
      },
      health: () =>
        [session.trouble, sharedAddress(mirror.metadata, brokerId)].filter((reason) => reason !== undefined),
      ended: ended.promise,
      drain: () => drain(mirror.metadata, session, log),
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await mirror.stop();
    etcd.close();
    throw error;
  }
}

/** Draws an id where there is none yet, unless this broker was a member of a cluster before. */
async function clusterIdIn(
  etcd: EtcdClient,
  keys: ClusterKeys,
  call: CallOptions,
  memberOf: string | undefined,
): Promise<string> {
  const key = keys.cluster;
  const found = await etcd.get(key, call);
  if (found !== undefined) return parseJson(found.value, clusterRecord).id;
  if (memberOf !== undefined) {
    const what = `${key} is not there, and the data directory belongs to cluster ${memberOf}`;
    throw new EdgelogError('DATA_DIR_INVALID', what);
  }
  const value = JSON.stringify({ id: drawClusterId() });
  await etcd.txn({ compare: [{ key, createRevision: 0 }], success: [{ put: key, value }] }, call);
  return clusterIdIn(etcd, keys, call, memberOf);
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A listener on all addresses of its machine is reached where the Kafka listener is. */
function reachable({ kafka, sync, http }: Endpoints): Endpoints {
  const { host } = parseAddress(kafka);
  const at = (listener: string): string => {
    const address = parseAddress(listener);
    return isUnspecified(address.host) ? formatAddress({ ...address, host }) : listener;
  };
  return { kafka, sync: at(sync), http: at(http) };
}

/** What is tried until it is done, and said while it is not. */
class Waiting {
  readonly #endpoints: readonly string[];
  readonly #deps: Pick<ClusterDeps, 'log' | 'onWaiting' | 'signal'>;
  #toldAt = Number.NEGATIVE_INFINITY;
  isOver = false;

  constructor(endpoints: readonly string[], deps: Pick<ClusterDeps, 'log' | 'onWaiting' | 'signal'>) {
    this.#endpoints = endpoints;
    this.#deps = deps;
  }

  async for<T>(action: (call: CallOptions) => Promise<T>): Promise<T> {
    const { signal } = this.#deps;
    const call = { timeoutMs: TRY_MS, ...(signal && { signal }) };
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await action(call);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof EdgelogError)) throw error;
        this.tell(describeError(error));
        await delay(RETRY_MS, undefined, signal && { signal }).catch(() => {});
      }
    }
  }

  tell(reason: string): void {
    if (this.isOver) return;
    const waitsFor = `waits for etcd at ${this.#endpoints.join()}: ${reason}`;
    this.#deps.onWaiting?.(waitsFor);
    if (performance.now() - this.#toldAt < TELL_MS) return;
    this.#toldAt = performance.now();
    this.#deps.log.warn('no cluster metadata yet', { reason: waitsFor });
  }
}

/** Clients and brokers that are sent to one would reach the other. */
function sharedAddress(metadata: Metadata, brokerId: number): string | undefined {
  const kafka = metadata.broker(brokerId)?.record.kafka;
  for (const { id, record } of metadata.brokers())
    if (id !== brokerId && record.kafka === kafka)
      return `broker ${id} advertises ${kafka} as well: give each its own --advertise`;
  return undefined;
}
