import type { Scenario } from '../scenario.ts';
import { clusterScenarios } from './cluster.ts';
import { clusterAdminScenarios } from './cluster-admin.ts';
import { configScenarios } from './configs.ts';
import { consumers } from './consumer-groups.ts';
import { fetchScenarios } from './fetch.ts';
import { memberScenarios } from './group-members.ts';
import { commits } from './group-offsets.ts';
import { offsetScenarios } from './offsets.ts';
import { produceScenarios } from './produce.ts';
import { topicScenarios } from './topics.ts';

/** Those of groups first: Kafka makes its own topics when it is first asked for a group. */
export const scenarios: readonly Scenario[] = [
  ...memberScenarios,
  commits,
  consumers,
  ...clusterScenarios,
  ...clusterAdminScenarios,
  ...produceScenarios,
  ...fetchScenarios,
  ...offsetScenarios,
  ...topicScenarios,
  ...configScenarios,
];
