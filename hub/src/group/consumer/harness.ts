import { assert } from '@edgelog/base';
import { GROUP, Harness } from '../harness.ts';
import type { ConsumerHeartbeatRequest, ConsumerHeartbeatResponse } from '../messages.ts';
import type { ConsumerState } from './state.ts';
import type { TopicsView } from './topics.ts';

/** A topic id that says which topic it is. */
export const topicId = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** A shard with topics, and members' heartbeats. Imported by tests only. */
export class ConsumerHarness extends Harness {
  readonly topics = new Map<string, { id: string; partitions: number }>();
  override readonly view: TopicsView = {
    get: (name) => this.topics.get(name),
    nameOf: (id) => [...this.topics].find(([, topic]) => topic.id === id)?.[0],
    names: () => this.topics.keys(),
  };
  #uniqueIds = 0;

  get consumer(): ConsumerState {
    const consumer = this.group()?.consumer;
    assert(consumer, 'there is a group of the new protocol');
    return consumer;
  }

  beat(
    memberId: string,
    memberEpoch: number,
    more: Partial<ConsumerHeartbeatRequest> = {},
    apiVersion = 1,
  ): ConsumerHeartbeatResponse {
    const ticket = this.ticket();
    const request: ConsumerHeartbeatRequest = {
      groupId: GROUP,
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: -1,
      subscribedTopicNames: null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: null,
      ...more,
    };
    this.send({
      type: 'consumerHeartbeat',
      groupId: request.groupId,
      ticket,
      request,
      context: { clientId: 'client', clientHost: '/127.0.0.1', apiVersion },
      uniqueId: `named-${++this.#uniqueIds}`,
    });
    return this.reply('consumerHeartbeat', ticket);
  }

  /** Joins a group that reads `names`. */
  enter(memberId: string, names: string[], more: Partial<ConsumerHeartbeatRequest> = {}) {
    const full = { rebalanceTimeoutMs: 30_000, subscribedTopicNames: names, topicPartitions: [] };
    return this.beat(memberId, 0, { ...full, ...more });
  }
}

/** `topic number:partitions` for each topic, or undefined when the answer tells of none. */
export function told({ assignment }: ConsumerHeartbeatResponse): string[] | undefined {
  return assignment?.topicPartitions
    .map(({ topicId: id, partitions }) => `${Number(id.slice(-12))}:${partitions}`)
    .sort();
}
