import type { Logger } from '@edgelog/runtime';
import type { TopicAdmin } from '../metadata/topic-admin.ts';
import type { Topics } from '../metadata/topics.ts';
import type { HubSettings } from '../settings.ts';
import type { TopicsView } from './consumer/topics.ts';
import { OffsetsLeadership } from './offsets-leadership.ts';
import { OffsetsTopic } from './offsets-topic.ts';
import { GroupService } from './service.ts';

export interface GroupsDeps {
  readonly topics: Topics;
  readonly topicAdmin: TopicAdmin;
  readonly settings: HubSettings;
  readonly log: Logger;
  readonly now: () => number;
}

export interface OpenedGroups {
  readonly groups: GroupService;
  close(): Promise<void>;
}

/** The group coordinator of a broker, which follows the leaders from now on. A standalone one has loaded all when it resolves. */
export async function openGroups({
  topics,
  topicAdmin,
  settings,
  log,
  now,
}: GroupsDeps): Promise<OpenedGroups> {
  const groups = new GroupService({
    offsets: new OffsetsTopic({ topics, topicAdmin, partitions: settings.offsetsPartitions }),
    now,
    log,
    topicExists: (name, index) => topics.partition(name, index) !== undefined,
    topics: topicsView(topics),
    settings: {
      consumerHeartbeatIntervalMs: settings.consumerHeartbeatIntervalMs,
      consumerMigrationPolicy: settings.consumerMigrationPolicy,
      consumerSessionTimeoutMs: settings.consumerSessionTimeoutMs,
    },
  });
  const isClustered = settings.etcd.length > 0;
  const leadership = new OffsetsLeadership({ topics, groups, isClustered });
  if (!isClustered) await groups.loaded();
  return {
    groups,
    close: () => {
      leadership.close();
      return groups.stop();
    },
  };
}

/** What the group coordinator may know of topics. */
function topicsView(topics: Topics): TopicsView {
  return {
    get: (name) => {
      const topic = topics.get(name);
      return topic && { id: topic.id, partitions: topic.partitions.length };
    },
    nameOf: (id) => topics.byId(id)?.name,
    *names() {
      for (const { name, isInternal } of topics.all()) if (!isInternal) yield name;
    },
  };
}
