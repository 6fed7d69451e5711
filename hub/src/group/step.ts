import { noTopics, type TopicsView } from './consumer/topics.ts';
import type { Bodies, Reply, Ticket } from './messages.ts';
import type { GroupRecord } from './records/index.ts';
import type { GroupSettings } from './settings.ts';
import type { Group } from './state.ts';

/** One reading of both clocks, in milliseconds. */
export interface Moment {
  /** Since the epoch: goes into records. */
  readonly wallMs: number;
  /** Never set back or forward by anyone: deadlines are counted on it. */
  readonly steadyMs: number;
}

/** Ask the shell to send `{ type: 'wake', groupId }` at this steady time. */
export interface Wake {
  readonly groupId: string;
  readonly at: number;
}

export type RemovalReason = 'session timeout' | 'rebalance timeout';

/** A member that was given up because it was silent for too long. */
export interface Removal {
  readonly groupId: string;
  readonly memberId: string;
  readonly clientId: string;
  readonly clientHost: string;
  /** `rebalance timeout`: it lives, but did not join, sync or give up partitions in time. */
  readonly reason: RemovalReason;
  readonly timeoutMs: number;
}

/** What handling one event gave, gathered while it is handled. */
export class Step {
  readonly now: Moment;
  readonly settings: GroupSettings;
  /** What groups of the new protocol can read. */
  readonly topics: TopicsView;
  /** To be appended in this order, as one batch, before any of the replies leaves. */
  readonly records: GroupRecord[] = [];
  readonly replies: Reply[] = [];
  readonly wakes: Wake[] = [];
  /** For the operator's eyes. */
  readonly removals: Removal[] = [];

  constructor(now: Moment, settings: GroupSettings, topics: TopicsView = noTopics) {
    this.now = now;
    this.settings = settings;
    this.topics = topics;
  }

  reply<K extends Reply['kind']>(kind: K, ticket: Ticket, body: Bodies[K]): void {
    this.replies.push({ kind, ticket, body } as Reply);
  }

  /** Makes sure that the group is woken at `at` or before; an earlier wake-up looks at every deadline anyway. */
  wake(group: Group, at: number): void {
    if (at >= group.wakeAt) return;
    group.wakeAt = at;
    this.wakes.push({ groupId: group.groupId, at });
  }
}
