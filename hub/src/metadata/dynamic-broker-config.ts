import { z } from 'zod';
import { type ConfigDefinition, ConfigSource, long } from './config-definition.ts';
import type { DescribedConfig } from './described-configs.ts';

/** What was set for one broker while it runs; only what differs from the default. */
export const brokerConfigsRecord = z.record(z.string(), z.string());
export type BrokerConfigs = Readonly<z.output<typeof brokerConfigsRecord>>;

const UNLIMITED = '9223372036854775807';
const MOVE_RATE = 'follower.replication.throttled.rate';
const NO_EFFECT = 'Kept and reported; has no effect';

/**
 * The configs of a broker that can be changed while it runs, by Kafka's names: how fast partitions are moved. Kafka limits what its topics
 * name in `….replication.throttled.replicas`; here all copies to replicas that a move adds are limited, and no others.
 */
export const DYNAMIC_BROKER_CONFIGS: ReadonlyMap<string, ConfigDefinition> = new Map(
  [
    long(1)(
      MOVE_RATE,
      UNLIMITED,
      'Bytes per second with which partitions are copied that a move brings to this broker.',
    ),
    long(1)(
      'leader.replication.throttled.rate',
      UNLIMITED,
      `${NO_EFFECT}: a move is slowed down by the broker that it goes to.`,
    ),
    long(1)(
      'replica.alter.log.dirs.io.max.bytes.per.second',
      UNLIMITED,
      `${NO_EFFECT}: there is one data directory.`,
    ),
  ].map((definition) => [definition.name, definition]),
);

/** Bytes per second that moves to the broker may copy. */
export function moveRateOf(configs: BrokerConfigs | undefined): number {
  return Number(configs?.[MOVE_RATE] ?? Number.POSITIVE_INFINITY);
}

export function describeDynamicConfigs(configs: BrokerConfigs | undefined): DescribedConfig[] {
  return Array.from(DYNAMIC_BROKER_CONFIGS.values(), (definition) => {
    const { name, default: builtIn } = definition;
    const fallback = { name, value: builtIn, source: ConfigSource.default };
    const own = configs?.[name];
    return own === undefined
      ? { ...fallback, definition, fallback }
      : { name, value: own, source: ConfigSource.dynamicBroker, definition, fallback };
  });
}
