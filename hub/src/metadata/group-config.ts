import { defaultGroupSettings } from '../group/settings.ts';
import { ConfigSource, int } from './config-definition.ts';
import type { DescribedConfig } from './described-configs.ts';

const { consumerSessionTimeoutMs, consumerHeartbeatIntervalMs } = defaultGroupSettings;

/** The configs of every group by Kafka's names: they cannot be changed, and share and streams groups, not served, have none. */
export const GROUP_CONFIGS: readonly DescribedConfig[] = [
  int(1)(
    'consumer.session.timeout.ms',
    String(consumerSessionTimeoutMs),
    'After how long without a heartbeat a member of the new protocol is taken for gone.',
  ),
  int(1)(
    'consumer.heartbeat.interval.ms',
    String(consumerHeartbeatIntervalMs),
    'How often a member of the new protocol is told to send a heartbeat.',
  ),
].map((definition) => {
  const value = { name: definition.name, value: definition.default, source: ConfigSource.default };
  return { ...value, definition, fallback: value };
});
