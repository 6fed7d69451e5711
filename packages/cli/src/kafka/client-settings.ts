import { EdgelogError } from '@edgelog/base';
import { addressSetting, didYouMean } from '@edgelog/runtime';
import { z } from 'zod';
import { Cluster } from './cluster.ts';

/** What every operator's command that speaks to a cluster takes. */
export const clientFields = {
  bootstrapServer: z
    .array(addressSetting())
    .min(1)
    .default(['127.0.0.1:9092'])
    .describe('Broker to ask first, HOST:PORT; several may be given.'),
  requestTimeoutMs: z.number().int().min(1).default(10_000).describe('How long to wait for an answer.'),
  json: z.boolean().default(false).describe('Print JSON instead of a table.'),
};

/** A verb as a word (`reset-offsets`) or as in Kafka's tools (`--reset-offsets`): exactly one. */
export function verbOf<V extends string>(
  command: string,
  verbs: readonly V[],
  word: string | undefined,
  flags: Readonly<Record<V, boolean>>,
): V {
  const words = verbs.map(toWord);
  if (word !== undefined && !words.includes(word)) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${command}: unknown verb ${JSON.stringify(word)}${didYouMean(word, words)}`,
    );
  }
  const given = verbs.filter((verb) => flags[verb] || toWord(verb) === word);
  if (given.length !== 1 || given[0] === undefined) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${command}: give exactly one of ${words.join(', ')}; see --help`,
    );
  }
  return given[0];
}

/** `resetOffsets`, the setting's key, as a user types it: `reset-offsets`. */
export function toWord(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export async function withCluster(
  { bootstrapServer, requestTimeoutMs }: { bootstrapServer: string[]; requestTimeoutMs: number },
  work: (cluster: Cluster) => Promise<number>,
): Promise<number> {
  const cluster = await Cluster.open(bootstrapServer, requestTimeoutMs);
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}
