import { EdgelogError } from '@edgelog/base';
import type { z } from 'zod';
import { renderHelp } from './help.ts';
import { ENV_PREFIX, type Field, fieldsOf, type SettingsSchema, unknownKeys } from './settings-fields.ts';
import { type ConfigFile, readConfigFile } from './settings-file.ts';
import { didYouMean } from './suggest.ts';

export interface LoadSettingsOptions<S extends SettingsSchema> {
  /** As typed, e.g. `edgelog hub`. */
  readonly command: string;
  readonly summary: string;
  readonly schema: S;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `flags`: neither file nor environment are read. Default `all`. */
  readonly sources?: 'all' | 'flags';
  /** Keys that words without a flag go to, in order; a list takes all that are left. */
  readonly positionals?: readonly (string & keyof S['shape'])[];
  /** Further paragraphs of --help, e.g. examples. */
  readonly notes?: string;
  /** What --help does; the default prints the text and ends the process with 0. */
  readonly onHelp?: (text: string) => never;
}

/** Where a value was given, as a user would say it: `--kafka`, `EDGELOG_KAFKA`, `kafka (edgelog.yaml:3)`. */
type Source = (path: readonly PropertyKey[]) => string;
interface Given {
  readonly value: unknown;
  readonly source: Source;
}

/**
 * Settings from, in rising precedence: the schema's defaults, the YAML file of --config (or EDGELOG_CONFIG),
 * environment variables `EDGELOG_…`, flags. An empty variable counts as not set.
 * Throws CONFIG_INVALID naming each wrong key, where it stands, its value, and what is allowed.
 */
export function loadSettings<S extends SettingsSchema>(options: LoadSettingsOptions<S>): z.output<S> {
  const fields = fieldsOf(options.schema);
  const problems: string[] = [];
  const { given: flags, config, help } = readFlags(options, fields, problems);
  if (help) {
    const text = renderHelp({ ...options, fields });
    if (options.onHelp) options.onHelp(text);
    else {
      process.stdout.write(text);
      process.exit(0);
    }
  }
  const env = options.sources === 'flags' ? {} : options.env;
  const variables = readVariables(env, fields, problems);
  const path = config ?? (env[`${ENV_PREFIX}CONFIG`] || undefined);
  const file = path === undefined ? undefined : readConfigFile(path);
  const given = new Map<string, Given>();
  if (file !== undefined) takeFile(file, options.schema, fields, given, problems);
  for (const layer of [variables, flags]) for (const [key, value] of layer) given.set(key, value);

  const input = Object.fromEntries([...given].map(([key, { value }]) => [key, value]));
  const parsed = options.schema.safeParse(input);
  for (const issue of parsed.error?.issues ?? []) {
    // Unknown keys are reported already, with where they stand.
    if (issue.code !== 'unrecognized_keys') problems.push(describeIssue(issue, options, fields, given));
  }
  if (problems.length > 0)
    throw new EdgelogError('CONFIG_INVALID', `${options.command}: ${problems.join('; ')}`);
  return parsed.data as z.output<S>;
}

function readFlags<S extends SettingsSchema>(
  options: LoadSettingsOptions<S>,
  fields: Field[],
  problems: string[],
) {
  const given = new Map<string, Given>();
  const byFlag = new Map(fields.map((field) => [field.flag, field]));
  const positionals = [...(options.positionals ?? [])];
  const words = [...options.argv];
  let config: string | undefined;
  let help = false;
  let onlyPositionals = false;

  const take = (field: Field, text: string, name: string) => {
    const value = fromText(field, text);
    const before = field.isList && given.get(field.key)?.value;
    given.set(field.key, {
      value:
        Array.isArray(before) && Array.isArray(value)
          ? [...(before as unknown[]), ...(value as unknown[])]
          : value,
      source: () => name,
    });
  };
  const takePositional = (word: string) => {
    const field = fields.find(({ key }) => key === positionals[0]);
    if (field === undefined)
      return void problems.push(`${JSON.stringify(word)} is not expected here; see --help`);
    if (!field.isList) positionals.shift();
    take(field, word, field.key.toUpperCase());
  };

  while (words.length > 0) {
    const word = words.shift()!;
    if (onlyPositionals || !word.startsWith('-') || word === '-') {
      takePositional(word);
      continue;
    }
    if (word === '--') {
      onlyPositionals = true;
      continue;
    }
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const attached = equals < 0 ? undefined : word.slice(equals + 1);
    const takeValue = () => attached ?? (words[0]?.startsWith('--') ? undefined : words.shift());
    if (flag === '--help' || flag === '-h') {
      help = true;
      continue;
    }
    if (flag === '--config' && options.sources !== 'flags') {
      config = takeValue();
      if (config === undefined) problems.push('--config needs a file name');
      continue;
    }
    const field = byFlag.get(flag);
    const negated = flag.startsWith('--no-') ? byFlag.get(`--${flag.slice(5)}`) : undefined;
    if (field?.kind === 'boolean' && !field.isList) take(field, attached ?? 'true', flag);
    else if (field !== undefined && field.kind === 'structured') {
      problems.push(`${flag} cannot be given as a flag; write ${field.key} in the YAML file of --config`);
      takeValue();
    } else if (field !== undefined) {
      const text = takeValue();
      if (text === undefined) problems.push(`${flag} needs a value`);
      else take(field, text, flag);
    } else if (negated?.kind === 'boolean' && attached === undefined) take(negated, 'false', flag);
    else {
      problems.push(
        `unknown flag ${flag}${didYouMean(flag, [...byFlag.keys(), ...(options.sources === 'flags' ? [] : ['--config']), '--help'])}; see --help`,
      );
      if (attached === undefined && words[0] !== undefined && !words[0].startsWith('-')) words.shift();
    }
  }
  return { given, config, help };
}

function readVariables(env: LoadSettingsOptions<SettingsSchema>['env'], fields: Field[], problems: string[]) {
  const given = new Map<string, Given>();
  const byVariable = new Map(fields.map((field) => [field.variable, field]));
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX) || name === `${ENV_PREFIX}CONFIG` || text === undefined || text === '')
      continue;
    const field = byVariable.get(name);
    if (field === undefined) {
      problems.push(`unknown variable ${name}${didYouMean(name, byVariable.keys())}`);
    } else if (field.kind === 'structured') {
      problems.push(`${name} cannot be given as a variable; write ${field.key} in the YAML file of --config`);
    } else given.set(field.key, { value: fromText(field, text), source: () => name });
  }
  return given;
}

function takeFile(
  file: ConfigFile,
  schema: SettingsSchema,
  fields: readonly Field[],
  given: Map<string, Given>,
  problems: string[],
): void {
  for (const { path, known } of unknownKeys(schema, file.value)) {
    const word = String(path.at(-1));
    const hint = didYouMean(word, known) || ` (known: ${known.join(', ')})`;
    problems.push(`unknown key ${path.join('.')} at ${file.locate(path)}${hint}`);
  }
  for (const [key, value] of Object.entries(file.value)) {
    if (!Object.hasOwn(schema.shape, key) || value === null) continue;
    const isOne = typeof value === 'string' && fields.some((field) => field.key === key && field.isList);
    given.set(key, {
      value: isOne ? [value] : value,
      source: (path) => `${path.join('.')} (${file.locate(path)})`,
    });
  }
}

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

/** Text of a flag or variable as the schema wants it; left as text where it does not fit, for the schema to refuse. */
function fromText(field: Field, text: string): unknown {
  if (field.isList) return text === '' ? [] : text.split(',').map((part) => scalar(field, part.trim()));
  return scalar(field, text);
}

function scalar({ kind }: Field, text: string): unknown {
  if (kind === 'number') return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  if (kind !== 'boolean') return text;
  const word = text.toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : text;
}

function describeIssue(
  issue: z.core.$ZodIssue,
  { positionals = [], sources }: { positionals?: readonly string[]; sources?: 'all' | 'flags' },
  fields: Field[],
  given: Map<string, Given>,
): string {
  const message = issue.message.replace(/^Invalid (?:input|option): /, '').replace(/, received .*$/, '');
  const key = String(issue.path[0] ?? '');
  const field = fields.find((one) => one.key === key);
  const value = given.get(key);
  if (field === undefined) return message;
  if (value === undefined) {
    const isMissing = field.isRequired && issue.path.length === 1;
    if (isMissing && positionals.includes(key)) {
      const allowed = field.allowed.length > 0 ? `: one of ${field.allowed.join(', ')}` : '';
      return `${key.toUpperCase()} is missing${allowed}; see --help`;
    }
    const elsewhere =
      sources === 'flags' ? '' : ` (or ${field.variable}, or ${field.key} in the file of --config)`;
    return isMissing ? `${field.flag} is required${elsewhere}` : `${field.flag}: ${message}`;
  }
  let found = value.value;
  for (const step of issue.path.slice(1)) found = (found as Record<PropertyKey, unknown> | undefined)?.[step];
  const shown = found === undefined ? 'missing' : `= ${JSON.stringify(found)}`;
  const hint = typeof found === 'string' ? didYouMean(found, field.allowed) : '';
  return `${value.source(issue.path)} ${shown}: ${message}${hint}`;
}
