import { readMemory } from '@edgelog/runtime';
import type { DevPlan } from './ports.ts';
import { Rate } from './rate.ts';
import {
  type AgentStatus,
  type ClusterOverview,
  type FleetCounters,
  fleetMessage,
  type HubStatus,
  readAgent,
  readCluster,
  readHub,
  readSentBytes,
} from './status.ts';
import type { Tree } from './tree.ts';

const LAG_HISTORY = 120;

/** One hub, or one broker of the cluster. */
export interface HubFigures {
  readonly kafkaConnections: number | undefined;
  readonly privateBytes: number | undefined;
  /** As the brokers that answer see it; undefined for a hub that is alone. */
  readonly broker: ClusterOverview['brokers'][number] | undefined;
}

/** What is known of the running tree at one moment; undefined where a process does not answer. */
export interface Snapshot {
  readonly agent: AgentStatus | undefined;
  /** By the name of its process. */
  readonly hubs: Readonly<Record<string, HubFigures>>;
  /** Of all hubs that answer. */
  readonly groups: HubStatus['groups'];
  readonly cluster: ClusterOverview['totals'] | undefined;
  readonly fleet: FleetCounters | undefined;
  readonly fleetPerSecond: number | undefined;
  readonly agentPerSecond: number | undefined;
  readonly hubPerSecond: number | undefined;
  readonly sentBytesPerSecond: number | undefined;
  readonly agentPrivateBytes: number | undefined;
  /** Unacknowledged records, one value per poll, the newest last. */
  readonly lagHistory: readonly number[];
}

/** Looks at agent, hubs and devices once per poll. */
export class Monitor {
  readonly #plan: DevPlan;
  readonly #tree: Tree;
  readonly #rates = { fleet: new Rate(), agent: new Rate(), hub: new Rate(), sentBytes: new Rate() };
  #fleet: FleetCounters | undefined;
  #lagHistory: number[] = [];

  constructor(plan: DevPlan, tree: Tree) {
    this.#plan = plan;
    this.#tree = tree;
  }

  onMessage(message: unknown): void {
    const parsed = fleetMessage.safeParse(message);
    if (parsed.success) this.#fleet = parsed.data.fleet;
  }

  async poll(): Promise<Snapshot> {
    const { settings, hubs } = this.#plan;
    const [agent, statuses, sentBytes] = await Promise.all([
      readAgent(settings.agentHttp),
      Promise.all(hubs.map(({ http }) => readHub(http))),
      Promise.all(hubs.map(({ http }) => readSentBytes(http))),
    ]);
    const cluster = await this.#readCluster(statuses);
    const known = statuses.filter((status) => status !== undefined);
    const now = performance.now();
    const { fleet, agent: agentRate, hub: hubRate, sentBytes: sentRate } = this.#rates;
    fleet.update(this.#fleet?.acked, now);
    agentRate.update(
      sum(agent?.streams, ({ endOffset }) => endOffset),
      now,
    );
    hubRate.update(known.length === 0 ? undefined : Math.max(...known.map(recordsOf)), now);
    sentRate.update(
      sum(
        sentBytes.filter((bytes) => bytes !== undefined),
        (bytes) => bytes,
      ),
      now,
    );
    const lag = sum(agent?.streams, ({ lagRecords }) => lagRecords);
    if (lag !== undefined) this.#lagHistory = [...this.#lagHistory, lag].slice(-LAG_HISTORY);
    return {
      agent,
      hubs: Object.fromEntries(
        hubs.map(({ name }, at) => {
          const figures: HubFigures = {
            kafkaConnections: statuses[at]?.connections.kafka,
            privateBytes: privateBytes(this.#tree.hubs[at]!.pid),
            broker: cluster?.brokers.find(({ id }) => id === at + 1),
          };
          return [name, figures];
        }),
      ),
      groups: groupsOf(known),
      cluster: cluster?.totals,
      fleet: this.#fleet,
      fleetPerSecond: fleet.perSecond,
      agentPerSecond: agentRate.perSecond,
      hubPerSecond: hubRate.perSecond,
      sentBytesPerSecond: sentRate.perSecond,
      agentPrivateBytes: privateBytes(this.#tree.agent.pid),
      lagHistory: this.#lagHistory,
    };
  }

  /** From the first that answers: each sees the whole cluster. */
  async #readCluster(statuses: readonly (HubStatus | undefined)[]): Promise<ClusterOverview | undefined> {
    if (this.#plan.etcd === undefined) return undefined;
    const at = statuses.findIndex((status) => status !== undefined);
    return at < 0 ? undefined : readCluster(this.#plan.hubs[at]!.http);
  }
}

/** Each group once, though its coordinator may just have changed. */
function groupsOf(statuses: readonly HubStatus[]): HubStatus['groups'] {
  const groups = statuses.flatMap((status) => status.groups);
  return [...new Map(groups.map((group) => [group.groupId, group])).values()];
}

/** End offsets of all topics but the broker's own. */
function recordsOf({ topics }: HubStatus): number {
  return topics
    .filter(({ internal }) => !internal)
    .reduce((total, { partitions }) => total + partitions.reduce((n, { endOffset }) => n + endOffset, 0), 0);
}

export function sum<T>(items: readonly T[] | undefined, amountOf: (item: T) => number): number | undefined {
  return items?.reduce((total, item) => total + amountOf(item), 0);
}

function privateBytes(pid: number | undefined): number | undefined {
  return pid === undefined ? undefined : readMemory(pid).rssAnonBytes;
}
