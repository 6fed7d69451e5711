import { parseArgs } from 'node:util';

/** The command line and the output that all interop clients share (see ../../README.md). */
export interface Arguments {
  verb: string;
  bootstrap: string;
  topic: string;
  codec: string;
  keyPrefix: string;
  group: string;
  groupProtocol: 'classic' | 'consumer';
  partitions: number;
  count: number;
  timestamp: number;
}

const text = { type: 'string', default: '' } as const;

export function parseArguments(): Arguments {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      bootstrap: text,
      topic: text,
      codec: text,
      'key-prefix': text,
      group: text,
      'group-protocol': text,
      partitions: text,
      count: text,
      timestamp: text,
    },
  });
  return {
    verb: positionals[0]!,
    bootstrap: values.bootstrap,
    topic: values.topic,
    codec: values.codec,
    keyPrefix: values['key-prefix'],
    group: values.group,
    groupProtocol: values['group-protocol'] === 'consumer' ? 'consumer' : 'classic',
    partitions: Number(values.partitions),
    count: Number(values.count),
    timestamp: Number(values.timestamp),
  };
}

export const GROUP_TIMES_MS = { commit: 200, session: 6_000, heartbeat: 500 };

/** Every record to produce. */
export function messages({
  count,
  keyPrefix,
}: Arguments): { key: string; value: string; headers: { origin: string } }[] {
  return Array.from({ length: count }, (_, i) => {
    const key = `${keyPrefix}-${i}`;
    return { key, value: `${key};`.repeat(10), headers: { origin: keyPrefix } };
  });
}

export function say(...fields: unknown[]): void {
  process.stdout.write(`${fields.join('\t')}\n`);
}

export function sayRecord(record: {
  partition: number;
  offset: bigint | string;
  key: unknown;
  headers: Iterable<readonly [unknown, unknown]>;
  value: unknown;
}): void {
  const headers = [...record.headers].map(([name, value]) => `${name}=${value}`).join(',');
  say('record', record.partition, record.offset, record.key, headers, record.value);
}

/** Says which partitions a member has, each time that changes. */
export class Assignment {
  #last: string | undefined;

  now(partitions: readonly number[]): void {
    const current = partitions.toSorted((a, b) => a - b).join(',');
    if (current !== this.#last) say('assigned', current);
    this.#last = current;
  }
}

/** Resolves at SIGTERM. */
export const stopped = (): Promise<void> => new Promise((done) => process.once('SIGTERM', () => done()));
