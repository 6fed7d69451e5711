import { didYouMean } from '@edgelog/runtime';

export type Command = 'cut' | 'restore' | 'kill agent' | 'kill hub' | 'start' | 'quit';

export const COMMANDS = [
  'cut',
  'restore',
  'kill agent',
  'kill hub',
  'start',
  'quit',
] as const satisfies Command[];

const KEYS: Readonly<Record<string, Command>> = {
  c: 'cut',
  r: 'restore',
  k: 'kill agent',
  h: 'kill hub',
  s: 'start',
  q: 'quit',
  '\x03': 'quit',
  '\x04': 'quit',
};

/** The command of a key that was pressed. */
export function commandOfKey(key: string): Command | undefined {
  return Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
}

/** The command of a line that was typed, or what to say about it; an empty line is nothing. */
export function commandOfLine(line: string): { command?: Command; problem?: string } {
  const words = line.trim().toLowerCase().replace(/\s+/g, ' ');
  if (words === '') return {};
  const command = COMMANDS.find((one) => one === words);
  if (command !== undefined) return { command };
  return {
    problem: `unknown command ${JSON.stringify(words)}${didYouMean(words, COMMANDS)}; known: ${COMMANDS.join(', ')}`,
  };
}
