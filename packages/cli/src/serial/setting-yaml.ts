import type { Guess } from './judge.ts';

/** The entry of the agent's `serial` section for what was found; settings that are the default are left out. */
export function settingOf(port: string, { line, setting }: Guess): Readonly<Record<string, unknown>> {
  const { baudRate, dataBits, parity, stopBits } = line;
  return {
    port,
    baudRate,
    ...(dataBits === 8 ? {} : { dataBits }),
    ...(parity === 'none' ? {} : { parity }),
    ...(stopBits === 1 ? {} : { stopBits }),
    ...setting,
  };
}

/** The YAML to paste into the file of the agent's --config. */
export function toYaml(setting: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(setting).map(([key, value]) => `${key}: ${flow(value)}`);
  return `serial:\n  - ${lines.join('\n    ')}\n`;
}

function flow(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' && !/^[A-Za-z/][\w./-]*$/.test(value)
      ? JSON.stringify(value)
      : String(value);
  }
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${flow(one)}`);
  return `{ ${entries.join(', ')} }`;
}
