import { assert } from '@edgelog/base';
import type { CompactionPolicy, RetentionPolicy } from '@edgelog/log';
import type { ConfigDefinition } from '../metadata/config-definition.ts';
import type { Topic } from '../metadata/topics.ts';

type Policied = Pick<Topic, 'configs' | 'isInternal'>;
type Definitions = ReadonlyMap<string, ConfigDefinition>;

/**
 * What is kept of each partition of a topic, by its configs as they stand now; undefined where everything is. The broker's own
 * topics shed what they need no more by themselves, so defaults do not hold for them, only what was set.
 */
export function retentionPolicy(topic: Policied, definitions: Definitions): RetentionPolicy | undefined {
  const { configs, isInternal } = topic;
  const bound = (name: string) => {
    const value = Number(isInternal ? (configs[name] ?? -1) : configOf(topic, definitions, name));
    return value < 0 ? undefined : value; // −1 is no bound
  };
  const retentionMs = bound('retention.ms');
  const retentionBytes = bound('retention.bytes');
  if (!hasPolicy(topic, definitions, 'delete')) return undefined;
  return retentionMs === undefined && retentionBytes === undefined
    ? undefined
    : { retentionMs, retentionBytes };
}

/**
 * How each partition of a topic is compacted, by its configs as they stand now; undefined where it is not. The broker's own
 * topics never are: the group coordinator compacts its own by itself, and sooner (group/checkpoint.ts).
 */
export function compactionPolicy(topic: Policied, definitions: Definitions): CompactionPolicy | undefined {
  if (topic.isInternal || !hasPolicy(topic, definitions, 'compact')) return undefined;
  const value = (name: string) => Number(configOf(topic, definitions, name));
  return {
    dirtyRatioMin: value('min.cleanable.dirty.ratio'),
    minLagMs: value('min.compaction.lag.ms'),
    maxLagMs: value('max.compaction.lag.ms'),
    deleteRetentionMs: value('delete.retention.ms'),
    rollBytes: value('segment.bytes'),
    rollMs: value('segment.ms'),
  };
}

function hasPolicy(topic: Policied, definitions: Definitions, policy: 'delete' | 'compact'): boolean {
  const policies = configOf(topic, definitions, 'cleanup.policy').split(',');
  return policies.some((item) => item.trim() === policy);
}

function configOf({ configs }: Policied, definitions: Definitions, name: string): string {
  const value = configs[name] ?? definitions.get(name)?.default;
  assert(typeof value === 'string', `${name} is a topic config with a default`);
  return value;
}
