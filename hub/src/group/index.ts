export type { TopicsView } from './consumer/topics.ts';
export type { RequestContext } from './messages.ts';
export { type OpenedGroups, openGroups } from './open.ts';
export { GroupService, type GroupServiceDeps } from './service.ts';
export { defaultGroupSettings, type GroupSettings, MIGRATION_POLICIES } from './settings.ts';
export type { CommittedOffset, GroupStatus } from './status.ts';
