import type { RetentionPolicy } from '@edgelog/log';
import type { ConfigDefinition } from '../metadata/config-definition.ts';
import type { Topic } from '../metadata/topics.ts';

/**
 * What is kept of each partition of a topic, by its configs as they stand now; undefined where everything is. The broker's own
 * topics shed what they need no more by themselves, so defaults do not hold for them, only what was set.
 */
export function retentionPolicy(
  { configs, isInternal }: Pick<Topic, 'configs' | 'isInternal'>,
  definitions: ReadonlyMap<string, ConfigDefinition>,
): RetentionPolicy | undefined {
  const value = (name: string, isDefaulted: boolean) =>
    configs[name] ?? (isDefaulted ? definitions.get(name)?.default : undefined) ?? undefined;
  const deletes = value('cleanup.policy', true)
    ?.split(',')
    .some((item) => item.trim() === 'delete');
  const retentionMs = bound(value('retention.ms', !isInternal));
  const retentionBytes = bound(value('retention.bytes', !isInternal));
  if (!deletes || (retentionMs === undefined && retentionBytes === undefined)) return undefined;
  return { retentionMs, retentionBytes };
}

/** −1 is no bound. */
function bound(value: string | undefined): number | undefined {
  return value === undefined || Number(value) < 0 ? undefined : Number(value);
}
