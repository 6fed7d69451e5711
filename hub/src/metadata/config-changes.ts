import type { ErrorName } from '@edgelog/wire';
import { repeatedIn } from '../repeated.ts';
import { type ConfigDefinition, ConfigType } from './config-definition.ts';

/** Kafka's numbers for what becomes of one config [KIP-339]. */
export const ConfigOperation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

export interface ConfigChange {
  readonly name: string;
  /** One of ConfigOperation; anything else is refused. */
  readonly operation: number;
  readonly value: string | null;
}

type Configs = Readonly<Record<string, string>>;
type Refusal = { readonly error: ErrorName; readonly message: string };
export type ConfigOutcome = { readonly configs: Configs } | Refusal;

/**
 * The configs that `changes` make of `before`, which holds only what was set; all of them or a refusal. Append and subtract
 * work on lists, and begin with the default where nothing was set. Deleting what is not set is no error.
 */
export function changeConfigs(
  definitions: ReadonlyMap<string, ConfigDefinition>,
  before: Configs,
  changes: readonly ConfigChange[],
): ConfigOutcome {
  const [repeated] = repeatedIn(changes.map(({ name }) => name));
  if (repeated !== undefined)
    return { error: 'INVALID_REQUEST', message: `the request names config ${repeated} more than once` };
  const configs = new Map(Object.entries(before));
  for (const change of changes) {
    if (change.operation === ConfigOperation.delete) {
      configs.delete(change.name);
      continue;
    }
    const value = valueAfter(definitions.get(change.name), change, configs);
    if (typeof value !== 'string') return value;
    configs.set(change.name, value);
  }
  const after = Object.fromEntries(configs);
  const conflict = configConflict(definitions, after);
  return conflict === undefined ? { configs: after } : { error: 'INVALID_CONFIG', message: conflict };
}

/** Why configs, each of them allowed, may not stand together; undefined when they may, as those of brokers always may. */
export function configConflict(
  definitions: ReadonlyMap<string, ConfigDefinition>,
  configs: Configs,
): string | undefined {
  const [least, greatest] = ['min.compaction.lag.ms', 'max.compaction.lag.ms'].map(
    (name) => configs[name] ?? definitions.get(name)?.default ?? '0',
  );
  return BigInt(least!) > BigInt(greatest!)
    ? `topic config min.compaction.lag.ms=${least}: above max.compaction.lag.ms=${greatest}`
    : undefined;
}

/** Why this may not be the value of a topic's config, or undefined when it may. */
export function configFault(
  definition: ConfigDefinition | undefined,
  name: string,
  value: string,
): string | undefined {
  if (definition === undefined) return `unknown topic config ${name}`;
  const fault = definition.check(value);
  return fault === undefined ? undefined : `topic config ${name}=${value}: ${fault}`;
}

function valueAfter(
  definition: ConfigDefinition | undefined,
  { name, operation, value }: ConfigChange,
  configs: ReadonlyMap<string, string>,
): string | Refusal {
  if (value === null) return { error: 'INVALID_REQUEST', message: `config ${name} has no value` };
  const before = configs.get(name) ?? definition?.default ?? '';
  const after = combine(definition, before, operation, value.trim());
  if (after === undefined) {
    const message = `operation ${operation} is not possible on config ${name}: ${definition === undefined ? 'unknown' : 'not a list'}`;
    const isKnown = operation === ConfigOperation.append || operation === ConfigOperation.subtract;
    return { error: isKnown ? 'INVALID_CONFIG' : 'INVALID_REQUEST', message };
  }
  const fault = configFault(definition, name, after);
  return fault === undefined ? after : { error: 'INVALID_CONFIG', message: fault };
}

function combine(
  definition: ConfigDefinition | undefined,
  before: string,
  operation: number,
  value: string,
): string | undefined {
  if (operation === ConfigOperation.set) return value;
  if (definition?.type !== ConfigType.list) return undefined;
  const items = listOf(before);
  if (operation === ConfigOperation.append) return [...new Set([...items, ...listOf(value)])].join(',');
  if (operation !== ConfigOperation.subtract) return undefined;
  const gone = listOf(value);
  return items.filter((item) => !gone.includes(item)).join(',');
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
