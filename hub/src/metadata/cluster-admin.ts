import type { Refused } from './topic-admin.ts';
import type { Topic } from './topics.ts';

/**
 * What an operator may do with the brokers and leaders of a cluster. Topics and partitions exist; replica lists hold no broker
 * twice. Promises resolve when the change is durable and this broker knows it; a move of records has only begun then.
 */
export interface ClusterAdmin {
  /**
   * Begins to move a partition to these brokers, in order of preference, or turns a move under way there; one to where it is
   * already ends it. INVALID_REPLICA_ASSIGNMENT for a broker that is not known.
   */
  reassign(topic: Topic, partition: number, target: readonly number[]): Promise<Refused | undefined>;
  /**
   * Gives the lead to the first replica [KIP-183]: ELECTION_NOT_NEEDED where it has it, PREFERRED_LEADER_NOT_AVAILABLE where it may not
   * lead now.
   */
  preferFirst(topic: Topic, partition: number): Promise<Refused | undefined>;
  /**
   * Gives the lead to any replica that is alive, though it may lack acknowledged records [KIP-460]: ELECTION_NOT_NEEDED where somebody
   * leads, ELIGIBLE_LEADERS_NOT_AVAILABLE where no replica is alive.
   */
  electUnclean(topic: Topic, partition: number): Promise<Refused | undefined>;
  /**
   * Forgets a broker that is gone for good: BROKER_ID_NOT_REGISTERED where it is not known, INVALID_REQUEST while it is alive or some partition
   * still counts on it (what it had must not count should another disk come back under its id).
   */
  unregister(brokerId: number): Promise<Refused | undefined>;
}

/** The only broker there is leads all, and has nowhere to move anything. */
export function standaloneAdmin(nodeId: number): ClusterAdmin {
  const leads = async (): Promise<Refused> => ({
    error: 'ELECTION_NOT_NEEDED',
    message: `broker ${nodeId} leads it, as the only one`,
  });
  return {
    reassign: async (_topic, _partition, target) =>
      target.length === 1 && target[0] === nodeId
        ? undefined
        : {
            error: 'INVALID_REPLICA_ASSIGNMENT',
            message: `the only broker is ${nodeId}: one replica, there`,
          },
    preferFirst: leads,
    electUnclean: leads,
    unregister: async (brokerId) =>
      brokerId === nodeId
        ? { error: 'INVALID_REQUEST', message: `broker ${nodeId} is alive, and the only one` }
        : { error: 'BROKER_ID_NOT_REGISTERED', message: `no broker has the id ${brokerId}` },
  };
}
