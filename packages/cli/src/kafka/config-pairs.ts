import { readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';
import { didYouMean } from '@edgelog/runtime';

export interface ConfigPair {
  readonly name: string;
  readonly value: string;
}

/**
 * `KEY=VALUE` each; a value that itself has commas was cut at them, and is put together again. Kafka's tools want such
 * a value in brackets, `KEY=[A,B]`: they are taken off.
 */
export function parseConfigPairs(flag: string, parts: readonly string[]): ConfigPair[] {
  const pairs: { name: string; value: string }[] = [];
  for (const part of parts) {
    const equals = part.indexOf('=');
    const last = pairs.at(-1);
    if (equals > 0) pairs.push({ name: part.slice(0, equals), value: part.slice(equals + 1) });
    else if (last !== undefined) last.value += `,${part}`;
    else throw new EdgelogError('CONFIG_INVALID', `${flag} = ${JSON.stringify(part)}: expected KEY=VALUE`);
  }
  return pairs.map(({ name, value }) => ({ name, value: value.replace(/^\[(.*)\]$/, '$1') }));
}

/** `KEY=VALUE` for each line of a file, as a Java properties file has them; `#` and `!` begin a comment. */
export function readConfigPairs(flag: string, path: string): ConfigPair[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `${flag}: cannot read ${path}`, { cause });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return lines.flatMap((line) => {
    if (line === '' || line.startsWith('#') || line.startsWith('!')) return [];
    const [, name, value] = /^([^=:\s]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new EdgelogError('CONFIG_INVALID', `${path}: ${JSON.stringify(line)}: expected KEY=VALUE`);
    return [{ name, value }];
  });
}

/** The properties of a --property flag over their defaults. Throws CONFIG_INVALID for one that has none. */
export function readProperties<P extends Readonly<Record<string, string>>>(
  flag: string,
  parts: readonly string[],
  defaults: P,
): P {
  const given = parts.map((part) => {
    const equals = part.indexOf('=');
    const [name, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
    if (Object.hasOwn(defaults, name)) return [name, value];
    const known = Object.keys(defaults);
    const hint = didYouMean(name, known) || ` (known: ${known.join(', ')})`;
    throw new EdgelogError('CONFIG_INVALID', `${flag}: unknown property ${name}${hint}`);
  });
  return { ...defaults, ...Object.fromEntries(given) };
}
