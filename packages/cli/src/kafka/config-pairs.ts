import { EdgelogError } from '@edgelog/base';

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
