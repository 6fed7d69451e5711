import type { HubSettings } from '../settings.ts';
import { describeBrokerConfigs } from './broker-config.ts';
import { type ConfigDefinition, ConfigSource } from './config-definition.ts';

export interface DescribedConfig {
  name: string;
  value: string | null;
  /** One of ConfigSource. */
  source: number;
  definition: ConfigDefinition;
  /** What it would be with nothing set here: a name, value and source of its own; left out where there is no such value. */
  fallback?: { name: string; value: string | null; source: number };
}

/**
 * Every config of a topic with the value in force; `set` holds those given for the topic itself, `settings` the hub's,
 * to which some fall back.
 */
export function describeTopicConfigs(
  definitions: ReadonlyMap<string, ConfigDefinition>,
  set: Readonly<Record<string, string>>,
  settings: HubSettings,
): DescribedConfig[] {
  const ofBroker = describeBrokerConfigs(settings, settings.kafka);
  return Array.from(definitions.values(), (definition) => {
    const { name, brokerName } = definition;
    const own = Object.hasOwn(set, name) ? set[name]! : undefined;
    const source = ofBroker.find((config) => config.name === brokerName)?.source ?? ConfigSource.default;
    return {
      name,
      value: own ?? definition.default,
      source: own === undefined ? source : ConfigSource.topic,
      definition,
      ...(brokerName === undefined
        ? {}
        : { fallback: { name: brokerName, value: definition.default, source } }),
    };
  });
}
