import type { ClusterConfigs } from './cluster.ts';
import type { SinkSettings } from './settings.ts';

/** What a topic has of its broker where it has none of its own: Kafka's names there, the first that is set counts, and how many milliseconds it counts in. */
const INHERITED: Readonly<Record<string, readonly (readonly [name: string, unitMs?: number])[]>> = {
  'cleanup.policy': [['log.cleanup.policy']],
  'compression.type': [['compression.type']],
  'max.message.bytes': [['message.max.bytes']],
  'message.timestamp.after.max.ms': [['log.message.timestamp.after.max.ms']],
  'message.timestamp.before.max.ms': [['log.message.timestamp.before.max.ms']],
  'message.timestamp.type': [['log.message.timestamp.type']],
  'min.insync.replicas': [['min.insync.replicas']],
  'retention.ms': [
    ['log.retention.ms'],
    ['log.retention.minutes', 60_000],
    ['log.retention.hours', 3_600_000],
  ],
  'unclean.leader.election.enable': [['unclean.leader.election.enable']],
};

/** Whether it can be given with --sink-topic-config. */
export const isTopicSetting = (name: string): boolean => name in INHERITED;

/** `NAME=VALUE` as in the settings, by name. */
export function givenConfigs({
  sinkTopicConfig,
}: Pick<SinkSettings, 'sinkTopicConfig'>): Record<string, string> {
  return Object.fromEntries(
    sinkTopicConfig.map((text) => {
      const at = text.indexOf('=');
      return [text.slice(0, at), text.slice(at + 1)] as const;
    }),
  );
}

/** How a topic would be set that is created now, with what is given for it: the rest is the brokers'. */
export function newTopicConfigs(
  { broker, ...cluster }: Omit<ClusterConfigs, 'topic'>,
  given: Readonly<Record<string, string>>,
): ClusterConfigs {
  if (broker === undefined) return { ...cluster, broker, topic: undefined };
  const topic = new Map<string, string>();
  for (const [name, sources] of Object.entries(INHERITED)) {
    for (const [source, unitMs = 1] of sources) {
      const value = broker.get(source);
      if (value === undefined || topic.has(name)) continue;
      topic.set(name, unitMs === 1 ? value : spanMs(value, unitMs));
    }
  }
  for (const [name, value] of Object.entries(given)) topic.set(name, value);
  return { ...cluster, broker, topic };
}

/** Any negative number is for ever. */
const spanMs = (value: string, unitMs: number): string =>
  Number(value) < 0 ? '-1' : String(Number(value) * unitMs);
