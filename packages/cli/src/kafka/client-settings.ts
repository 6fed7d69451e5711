import { EdgelogError } from '@edgelog/base';
import {
  isKafkaUrl,
  KafkaCluster,
  type KafkaSecurity,
  type KafkaSecuritySettings,
  kafkaSecurityFields,
  kafkaSecurityOf,
  mergeKafkaUrls,
  parseKafkaUrl,
} from '@edgelog/client';
import { didYouMean, parseAddress, timeSetting } from '@edgelog/runtime';
import { z } from 'zod';

/** What every operator's command that speaks to a cluster takes. */
export const clientFields = {
  bootstrapServer: z
    .array(z.string().refine(isServer, 'expected HOST:PORT, port 0 to 65535, or kafka+tls://HOST:PORT'))
    .min(1)
    .default(['127.0.0.1:9092'])
    .describe('Broker to ask first, HOST:PORT, or kafka+tls://HOST:PORT; several may be given.'),
  requestTimeoutMs: timeSetting(1).default(10_000).describe('How long to wait for an answer.'),
  json: z.boolean().default(false).describe('Print JSON instead of a table.'),
  ...kafkaSecurityFields,
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

export interface ClientSettings extends KafkaSecuritySettings {
  readonly bootstrapServer: readonly string[];
  readonly requestTimeoutMs: number;
}

/** Does `work` with the cluster that the settings name. Secrets may be in the environment instead. */
export async function withCluster(
  { bootstrapServer, requestTimeoutMs, ...settings }: ClientSettings,
  work: (cluster: KafkaCluster) => Promise<number>,
): Promise<number> {
  const { bootstrap, isTls } = serversOf(bootstrapServer);
  const { EDGELOG_KAFKA_PASSWORD: password, EDGELOG_KAFKA_TOKEN_CLIENT_SECRET: secret } = process.env;
  const security = kafkaSecurityOf(
    { isTls },
    {
      ...settings,
      kafkaPassword: settings.kafkaPassword ?? (settings.kafkaUser && password),
      kafkaTokenClientSecret: settings.kafkaTokenClientSecret ?? (settings.kafkaTokenClientId && secret),
    },
  );
  const cluster = await openCluster(bootstrap, requestTimeoutMs, security);
  try {
    return await work(cluster);
  } finally {
    cluster.close();
  }
}

export function openCluster(
  bootstrap: readonly string[],
  timeoutMs: number,
  security?: KafkaSecurity,
): Promise<KafkaCluster> {
  return KafkaCluster.open({ bootstrap, clientId: 'edgelog-cli', timeoutMs, ...(security && { security }) });
}

function isServer(text: string): boolean {
  try {
    if (isKafkaUrl(text)) parseKafkaUrl(text);
    else parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

/** With TLS for all of them where the first URL asks for it. Throws CONFIG_INVALID where they differ. */
function serversOf(given: readonly string[]): { bootstrap: string[]; isTls: boolean } {
  const urls = mergeKafkaUrls(given).map((one) => parseKafkaUrl(isKafkaUrl(one) ? one : `kafka://${one}`));
  const isTls = urls[0]?.isTls === true;
  if (urls.some((url) => url.isTls !== isTls)) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `--bootstrap-server = ${given.join(',')}: either all of them speak TLS or none`,
    );
  }
  return { bootstrap: urls.flatMap(({ bootstrap }) => bootstrap), isTls };
}
