import { LEADER_EPOCH } from './partition.ts';

/** Who leads and who has a partition of a standalone broker, as responses say it. */
export function leadership(nodeId: number) {
  return { leaderId: nodeId, leaderEpoch: LEADER_EPOCH, replicaNodes: [nodeId], isrNodes: [nodeId] };
}
