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
  timeoutMs: z.number().int().min(1).default(10_000).describe('How long to wait for an answer.'),
  json: z.boolean().default(false).describe('Print JSON instead of a table.'),
};

/** A verb as a word (`list`) or as in Kafka's tools (`--list`): exactly one. */
export function verbOf<V extends string>(
  command: string,
  verbs: readonly V[],
  word: string | undefined,
  flags: Readonly<Record<V, boolean>>,
): V {
  const given = verbs.filter((verb) => flags[verb] || verb === word);
  if (word !== undefined && !verbs.includes(word as V)) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${command}: unknown verb ${JSON.stringify(word)}${didYouMean(word, verbs)}`,
    );
  }
  if (given.length !== 1 || given[0] === undefined) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${command}: give exactly one of ${verbs.join(', ')}; see --help`,
    );
  }
  return given[0];
}

export async function withCluster(
  { bootstrapServer, timeoutMs }: { bootstrapServer: string[]; timeoutMs: number },
  work: (cluster: Cluster) => Promise<number>,
): Promise<number> {
  const cluster = await Cluster.open(bootstrapServer, timeoutMs);
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}
