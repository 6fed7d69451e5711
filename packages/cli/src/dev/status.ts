import { z } from 'zod';

/** What is read of the agent's /status. */
const agentStatus = z.object({
  streams: z.array(
    z.object({
      topic: z.string(),
      partition: z.number().nullable(),
      logStartOffset: z.number(),
      endOffset: z.number(),
      ackedOffset: z.number(),
      lagRecords: z.number(),
      lagBytes: z.number(),
      oldestUnackedMs: z.number(),
    }),
  ),
  uplink: z.object({ state: z.string(), lastError: z.string().optional() }),
  alarms: z.array(z.unknown()).default([]),
  gaps: z.array(z.unknown()).default([]),
});

/** What is read of a hub's /status. */
const HUB_PARTS = 'topics,groups,connections';
const hubStatus = z.object({
  topics: z.array(
    z.object({
      name: z.string(),
      internal: z.boolean(),
      partitions: z.array(
        z.object({ partition: z.number(), startOffset: z.number(), endOffset: z.number() }),
      ),
    }),
  ),
  groups: z.array(
    z.object({
      groupId: z.string(),
      state: z.string(),
      members: z.array(z.unknown()),
      lag: z.number(),
      offsets: z.array(z.object({ topic: z.string(), partition: z.number(), lag: z.number() })),
    }),
  ),
  connections: z.object({ kafka: z.number() }),
});

/** What is read of /overview: the brokers of the cluster, as one of them sees all. */
const clusterOverview = z.object({
  totals: z.object({ partitions: z.number(), underReplicated: z.number(), offline: z.number() }),
  brokers: z.array(
    z.object({
      id: z.number(),
      state: z.string(),
      isController: z.boolean(),
      leaders: z.number(),
      replicas: z.number(),
      outOfSync: z.number(),
    }),
  ),
});
export type ClusterOverview = z.output<typeof clusterOverview>;

export type AgentStatus = z.output<typeof agentStatus>;
export type HubStatus = z.output<typeof hubStatus>;

/** Counters of the fleet, as it sends them over IPC. */
export const fleetMessage = z.object({
  fleet: z.object({
    devices: z.number(),
    connected: z.number(),
    sent: z.number(),
    acked: z.number(),
    lost: z.number(),
    ackLatencyMaxMs: z.number(),
  }),
});
export type FleetCounters = z.output<typeof fleetMessage>['fleet'];

const POLL_TIMEOUT_MS = 900;

async function get(url: string): Promise<Response | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
    return response.ok ? response : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined while the process does not answer. */
export async function readAgent(address: string): Promise<AgentStatus | undefined> {
  const response = await get(`http://${address}/status`);
  return response && agentStatus.parse(await response.json());
}

export async function readHub(address: string): Promise<HubStatus | undefined> {
  const response = await get(`http://${address}/status?part=${HUB_PARTS}`);
  return response && hubStatus.parse(await response.json());
}

export async function readCluster(address: string): Promise<ClusterOverview | undefined> {
  const response = await get(`http://${address}/overview`);
  return response && clusterOverview.parse(await response.json());
}

/** Bytes the hub has sent to Kafka clients since it started. */
export async function readSentBytes(address: string): Promise<number | undefined> {
  const response = await get(`http://${address}/metrics`);
  const line = response && /^edgelog_kafka_sent_bytes_total (\S+)$/m.exec(await response.text());
  return line ? Number(line[1]) : undefined;
}

/** Cuts the uplink or lets it connect again. Resolves with whether the agent took it. */
export async function setUplinkPaused(address: string, paused: boolean): Promise<boolean> {
  try {
    const response = await fetch(`http://${address}/uplink`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ paused }),
      signal: AbortSignal.timeout(5_000),
    });
    return response.ok;
  } catch {
    return false;
  }
}
