import { CLUSTER_SCENARIOS } from './cluster.ts';
import { CONFIG_SCENARIOS } from './configs.ts';
import { GROUP_SCENARIOS } from './groups.ts';
import { DELETE_SCENARIOS, RECORD_SCENARIOS } from './records.ts';
import { TOPIC_SCENARIOS } from './topics.ts';

/** In the order in which they must run: later ones look at what earlier ones made. */
export const TOOL_SCENARIOS = [
  ...TOPIC_SCENARIOS,
  ...CONFIG_SCENARIOS,
  ...RECORD_SCENARIOS,
  ...CLUSTER_SCENARIOS,
  ...GROUP_SCENARIOS,
  ...DELETE_SCENARIOS,
];
