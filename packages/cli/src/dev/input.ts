import { didYouMean } from '@edgelog/runtime';

/** A hub is killed and started again at once; a broker of a cluster stays down until it is started: that is what there is to see. */
export type Command =
  | 'cut'
  | 'restore'
  | 'kill agent'
  | 'kill hub'
  | `kill hub-${number}`
  | `start hub-${number}`
  | 'start'
  | 'quit';

/** What can be typed, with so many brokers. */
export function commands(brokers: number): Command[] {
  const ids = Array.from({ length: brokers }, (_, at) => at + 1);
  const hubs: Command[] =
    brokers === 1
      ? ['kill hub']
      : ids.flatMap((id) => [`kill hub-${id}`, `start hub-${id}`] satisfies Command[]);
  return ['cut', 'restore', 'kill agent', ...hubs, 'start', 'quit'];
}

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

/** The command of a key that was pressed; the digit of a broker starts it again when it is down. */
export function commandOfKey(
  key: string,
  brokers: number,
  isDown: (hub: string) => boolean,
): Command | undefined {
  const id = /^[1-9]$/.test(key) ? Number(key) : 0;
  const command: Command | undefined =
    id > 0
      ? `${isDown(`hub-${id}`) ? 'start' : 'kill'} hub-${id}`
      : Object.hasOwn(KEYS, key)
        ? KEYS[key]
        : undefined;
  return command !== undefined && commands(brokers).includes(command) ? command : undefined;
}

/** The command of a line that was typed, or what to say about it; an empty line is nothing. */
export function commandOfLine(line: string, brokers: number): { command?: Command; problem?: string } {
  const words = line.trim().toLowerCase().replace(/\s+/g, ' ');
  if (words === '') return {};
  const known = commands(brokers);
  const command = known.find((one) => one === words);
  if (command !== undefined) return { command };
  return {
    problem: `unknown command ${JSON.stringify(words)}${didYouMean(words, known)}; known: ${known.join(', ')}`,
  };
}
