import { readMemory } from '@edgelog/runtime';
import { Rate } from './rate.ts';
import type { DevSettings } from './settings.ts';
import {
  type AgentStatus,
  type FleetCounters,
  fleetMessage,
  type HubStatus,
  readAgent,
  readHub,
  readSentBytes,
} from './status.ts';
import type { Tree } from './tree.ts';

const LAG_HISTORY = 120;

/** What is known of the running tree at one moment; undefined where a process does not answer. */
export interface Snapshot {
  readonly agent: AgentStatus | undefined;
  readonly hub: HubStatus | undefined;
  readonly fleet: FleetCounters | undefined;
  readonly fleetPerSecond: number | undefined;
  readonly agentPerSecond: number | undefined;
  readonly hubPerSecond: number | undefined;
  readonly sentBytesPerSecond: number | undefined;
  readonly agentPrivateBytes: number | undefined;
  readonly hubPrivateBytes: number | undefined;
  /** Unacknowledged records, one value per poll, the newest last. */
  readonly lagHistory: readonly number[];
}

/** Looks at agent, hub and devices once per poll. */
export class Monitor {
  readonly #settings: DevSettings;
  readonly #tree: Tree;
  readonly #rates = { fleet: new Rate(), agent: new Rate(), hub: new Rate(), sentBytes: new Rate() };
  #fleet: FleetCounters | undefined;
  #lagHistory: number[] = [];

  constructor(settings: DevSettings, tree: Tree) {
    this.#settings = settings;
    this.#tree = tree;
  }

  onMessage(message: unknown): void {
    const parsed = fleetMessage.safeParse(message);
    if (parsed.success) this.#fleet = parsed.data.fleet;
  }

  async poll(): Promise<Snapshot> {
    const { agentHttp, hubHttp } = this.#settings;
    const [agent, hub, sentBytes] = await Promise.all([
      readAgent(agentHttp),
      readHub(hubHttp),
      readSentBytes(hubHttp),
    ]);
    const now = performance.now();
    const { fleet, agent: agentRate, hub: hubRate, sentBytes: sentRate } = this.#rates;
    fleet.update(this.#fleet?.acked, now);
    agentRate.update(
      sum(agent?.streams, ({ endOffset }) => endOffset),
      now,
    );
    hubRate.update(hub && recordsOf(hub), now);
    sentRate.update(sentBytes, now);
    const lag = sum(agent?.streams, ({ lagRecords }) => lagRecords);
    if (lag !== undefined) this.#lagHistory = [...this.#lagHistory, lag].slice(-LAG_HISTORY);
    return {
      agent,
      hub,
      fleet: this.#fleet,
      fleetPerSecond: fleet.perSecond,
      agentPerSecond: agentRate.perSecond,
      hubPerSecond: hubRate.perSecond,
      sentBytesPerSecond: sentRate.perSecond,
      agentPrivateBytes: privateBytes(this.#tree.agent.pid),
      hubPrivateBytes: privateBytes(this.#tree.hub.pid),
      lagHistory: this.#lagHistory,
    };
  }
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
