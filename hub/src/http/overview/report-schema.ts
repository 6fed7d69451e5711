import { z } from 'zod';

/*
 * What one broker alone knows, as it tells the others that show the whole cluster. `null` is what it does not know. Names are
 * data: whoever shows them must take them as text.
 */

const count = z.int().min(0);

const groupRow = z.object({
  groupId: z.string(),
  state: z.string(),
  /** `consumer`, `connect` …; empty for a group that only stores offsets. */
  protocolType: z.string(),
  /** The assignor in use. */
  protocol: z.string(),
  members: count,
  lag: z.number(),
  /** Some partitions have no replica at the coordinator: the lag is at least this. */
  isLagPartial: z.boolean(),
});
export type GroupRow = z.output<typeof groupRow>;

export const groupDetail = z.object({
  groupId: z.string(),
  members: z.array(z.object({ memberId: z.string(), clientId: z.string(), clientHost: z.string() })),
  memberCount: count,
  offsets: z.array(
    z.object({
      topic: z.string(),
      partition: count,
      committedOffset: z.number(),
      endOffset: z.number().nullable(),
      lag: z.number().nullable(),
    }),
  ),
  offsetCount: count,
});
export type GroupDetail = z.output<typeof groupDetail>;

/** A gateway whose agent is connected to the broker. */
const gatewaySession = z.object({
  gateway: z.string(),
  state: z.enum(['live', 'probing']),
  lastSeenAtMs: z.number(),
  /** Where its agent connects from. */
  remote: z.string(),
  streams: count,
  /** Of what the gateway had when its session began, records that are not committed yet. */
  backlogRecords: z.number(),
  /** What stands in the way of a stream, or of the gateway. */
  problem: z.string().nullable(),
});
export type GatewaySession = z.output<typeof gatewaySession>;

export const brokerReport = z.object({
  nodeId: count,
  uptimeMs: z.number(),
  /** Empty while it is healthy. */
  reasons: z.array(z.string()),
  connections: z.object({ kafka: count, sync: count }),
  memoryBytes: z.number(),
  disk: z.object({ liveBytes: z.number(), physicalBytes: z.number(), freeBytes: z.number() }),
  damage: z.object({
    matching: count,
    first: z.array(
      z.object({
        topic: z.string(),
        partition: z.number(),
        firstOffset: z.number(),
        nextOffset: z.number(),
        reason: z.string(),
      }),
    ),
  }),
  groups: z.object({ matching: count, first: z.array(groupRow) }),
  /** The group that was asked for, from its coordinator. */
  group: groupDetail.nullable(),
  sessions: z.object({ live: count, matching: count, first: z.array(gatewaySession) }),
});
export type BrokerReport = z.output<typeof brokerReport>;
