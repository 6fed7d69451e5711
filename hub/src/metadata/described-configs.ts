import { type ConfigDefinition, ConfigSource } from './config-definition.ts';

export interface DescribedConfig {
  name: string;
  value: string | null;
  /** One of ConfigSource. */
  source: number;
  definition: ConfigDefinition;
}

/** Every config of a topic with the value in force; `set` holds those given for the topic itself. */
export function describeTopicConfigs(
  definitions: ReadonlyMap<string, ConfigDefinition>,
  set: Readonly<Record<string, string>>,
): DescribedConfig[] {
  return Array.from(definitions.values(), (definition) => {
    const own = Object.hasOwn(set, definition.name) ? set[definition.name]! : undefined;
    return {
      name: definition.name,
      value: own ?? definition.default,
      source: own === undefined ? ConfigSource.default : ConfigSource.topic,
      definition,
    };
  });
}
