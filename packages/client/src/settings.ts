import { EdgelogError } from '@edgelog/base';
import { formatAddress, parseAddress, toFlag, toVariable } from '@edgelog/runtime';
import { z } from 'zod';
import type { KafkaSecurity, Sasl, TlsFiles } from './security.ts';

const PLAINTEXT = 'kafka://';
const TLS = 'kafka+tls://';

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const;

const text = () => z.string().min(1).optional();

/** How to show a Kafka cluster who this is: for the agent, the hub's sink and the command line. */
export const kafkaSecurityFields = {
  kafkaCa: text().describe(
    "PEM file of who signs the certificates of Kafka's brokers, for kafka+tls://; default the system's authorities",
  ),
  kafkaCert: text().describe(
    'PEM file of the certificate to show to Kafka (mTLS); taken anew with each connection, like its key',
  ),
  kafkaKey: text().describe('PEM file of its private key'),
  kafkaSasl: z
    .enum(SASL_MECHANISMS)
    .optional()
    .describe('how to show Kafka who this is; default not at all, or by the certificate'),
  kafkaUser: text().describe('user name, for plain and scram'),
  kafkaPassword: text().describe(
    'password; better in EDGELOG_KAFKA_PASSWORD, since others can read the flags of a process',
  ),
  kafkaTokenFile: text().describe('file with the token for oauthbearer, read anew when one is needed'),
  kafkaTokenUrl: text().describe('where to ask for a token with client credentials, http:// or https://'),
  kafkaTokenClientId: text().describe('client id for --kafka-token-url'),
  kafkaTokenClientSecret: text().describe('its secret; better in EDGELOG_KAFKA_TOKEN_CLIENT_SECRET'),
  kafkaTokenScope: text().describe('scope to ask for at --kafka-token-url'),
};

const settingsSchema = z.object(kafkaSecurityFields);
export type KafkaSecuritySettings = z.output<typeof settingsSchema>;

export interface KafkaUrl {
  /** HOST:PORT each. */
  readonly bootstrap: readonly string[];
  readonly isTls: boolean;
}

/** Whether it is for this package to read: `kafka://` or `kafka+tls://`. */
export function isKafkaUrl(url: string): boolean {
  return url.startsWith(PLAINTEXT) || url.startsWith(TLS);
}

/** `kafka://HOST:PORT[,HOST:PORT…]`, or `kafka+tls://…`. Throws CONFIG_INVALID naming `setting` and what is wrong. */
export function parseKafkaUrl(url: string, setting?: string): KafkaUrl {
  const where = setting === undefined ? '' : `${setting}: `;
  if (!isKafkaUrl(url)) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${where}${JSON.stringify(url)} does not begin with ${PLAINTEXT} or ${TLS}`,
    );
  }
  const isTls = url.startsWith(TLS);
  const addresses = url.slice((isTls ? TLS : PLAINTEXT).length).replace(/\/$/, '');
  if (addresses.includes('@')) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `${where}a Kafka URL holds no credentials: use --kafka-sasl, --kafka-user and EDGELOG_KAFKA_PASSWORD`,
    );
  }
  return { bootstrap: addresses.split(',').map((one) => formatAddress(parseAddress(one, setting))), isTls };
}

/** A list that was split at its commas: what has no scheme belongs to the `kafka://` URL before it. */
export function mergeKafkaUrls(list: readonly string[]): string[] {
  const urls: string[] = [];
  for (const entry of list) {
    const last = urls.at(-1);
    if (last !== undefined && isKafkaUrl(last) && !entry.includes('://')) {
      urls[urls.length - 1] = `${last},${entry}`;
    } else urls.push(entry);
  }
  return urls;
}

/** What the settings say of the security of connections to `url`. Throws CONFIG_INVALID naming what lacks or contradicts. */
export function kafkaSecurityOf(
  { isTls }: Pick<KafkaUrl, 'isTls'>,
  given: KafkaSecuritySettings,
): KafkaSecurity {
  const files: TlsFiles = { ca: given.kafkaCa, cert: given.kafkaCert, key: given.kafkaKey };
  if (!isTls && Object.values(files).some((file) => file !== undefined)) {
    throw invalid(
      `--kafka-ca, --kafka-cert and --kafka-key are for ${TLS}, and the URL begins with ${PLAINTEXT}`,
    );
  }
  if ((given.kafkaCert === undefined) !== (given.kafkaKey === undefined)) {
    throw invalid('--kafka-cert and --kafka-key belong together: one of them is missing');
  }
  return { tls: isTls ? files : undefined, sasl: saslOf(given) };
}

const PASSWORD_KEYS = ['kafkaUser', 'kafkaPassword'] as const;
const TOKEN_URL_KEYS = ['kafkaTokenUrl', 'kafkaTokenClientId', 'kafkaTokenClientSecret'] as const;
const TOKEN_KEYS = ['kafkaTokenFile', ...TOKEN_URL_KEYS, 'kafkaTokenScope'] as const;
type Key = (typeof PASSWORD_KEYS)[number] | (typeof TOKEN_KEYS)[number];

function saslOf(given: KafkaSecuritySettings): Sasl | undefined {
  const { kafkaSasl: mechanism } = given;
  const need = (key: Key, why: string): string => given[key] ?? fail(`${why} needs ${flagOf(key)}`);
  const forbid = (keys: readonly Key[], why: string): void => {
    const found = keys.find((key) => given[key] !== undefined);
    if (found !== undefined) fail(`${flagOf(found)} ${why}`);
  };
  if (mechanism === undefined) {
    forbid([...PASSWORD_KEYS, ...TOKEN_KEYS], 'needs --kafka-sasl, which says how it is used');
    return undefined;
  }
  const asked = `--kafka-sasl ${mechanism}`;
  if (mechanism !== 'oauthbearer') {
    forbid(TOKEN_KEYS, `is for --kafka-sasl oauthbearer, not for ${mechanism}`);
    return { mechanism, user: need('kafkaUser', asked), password: need('kafkaPassword', asked) };
  }
  forbid(PASSWORD_KEYS, 'is not for --kafka-sasl oauthbearer');
  if (given.kafkaTokenFile !== undefined) {
    forbid([...TOKEN_URL_KEYS, 'kafkaTokenScope'], 'and --kafka-token-file: only one of them');
    return { mechanism, token: { file: given.kafkaTokenFile } };
  }
  if (given.kafkaTokenUrl === undefined) fail(`${asked} needs --kafka-token-file or --kafka-token-url`);
  const protocol = URL.parse(given.kafkaTokenUrl)?.protocol;
  if (protocol !== 'http:' && protocol !== 'https:') {
    fail(`--kafka-token-url = ${JSON.stringify(given.kafkaTokenUrl)}: expected http:// or https://`);
  }
  return {
    mechanism,
    token: {
      url: given.kafkaTokenUrl,
      clientId: need('kafkaTokenClientId', '--kafka-token-url'),
      clientSecret: need('kafkaTokenClientSecret', '--kafka-token-url'),
      scope: given.kafkaTokenScope,
    },
  };
}

function flagOf(key: Key): string {
  const flag = toFlag(key);
  return /Password|Secret/.test(key) ? `${flag} (or ${toVariable(key)})` : flag;
}

function fail(message: string): never {
  throw invalid(message);
}

function invalid(message: string): EdgelogError {
  return new EdgelogError('CONFIG_INVALID', message);
}
