import type { Scenario } from '../scenario.ts';
import { clusterScenarios } from './cluster.ts';
import { configScenarios } from './configs.ts';
import { groupScenarios } from './groups.ts';
import { produceScenarios } from './produce.ts';
import { readScenarios } from './reads.ts';
import { topicScenarios } from './topics.ts';

/** Those of groups first: Kafka makes its own topics when it is first asked for a group. */
export const scenarios: readonly Scenario[] = [
  ...groupScenarios,
  ...clusterScenarios,
  ...produceScenarios,
  ...readScenarios,
  ...topicScenarios,
  ...configScenarios,
];
