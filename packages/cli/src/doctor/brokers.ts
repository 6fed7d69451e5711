import type { TLSSocket } from 'node:tls';
import type { EdgelogError } from '@edgelog/base';
import { Connection, type KafkaSecurity } from '@edgelog/client';
import { tellingMixUps } from '@edgelog/client/mix-up.ts';
import { openSocket } from '@edgelog/client/socket.ts';
import { type Address, formatAddress } from '@edgelog/runtime';
import { type Api, apis } from '@edgelog/wire';
import { type Finding, ok, problem, tryTo } from './finding.ts';
import { addressesOf, tcpMs } from './network.ts';

export interface Access {
  readonly security: KafkaSecurity;
  readonly timeoutMs: number;
}

const CLIENT_ID = 'edgelog-doctor';

/** What the sink asks of a cluster. */
const NEEDED: readonly Api[] = [
  apis.metadata,
  apis.produce,
  apis.fetch,
  apis.listOffsets,
  apis.offsetForLeaderEpoch,
  apis.describeProducers,
];
const WELCOME: readonly Api[] = [apis.describeConfigs, apis.createTopics];

/**
 * Whether a broker can be reached at an address, step by step, as the agent would: name, TCP, TLS, credentials, versions. Ends at the first
 * step that fails. `advice` is for an address that does not answer.
 */
export async function* brokerChecks(
  about: string,
  address: Address,
  access: Access,
  advice: string,
): AsyncGenerator<Finding, boolean> {
  const { security, timeoutMs } = access;
  const at = formatAddress(address);
  const name = await tryTo(
    about,
    () => addressesOf(address.host),
    () => advice,
  );
  if ('fault' in name) return yield* failed(name.fault);
  const tcp = await tryTo(
    about,
    () => tcpMs(address, timeoutMs),
    () => advice,
  );
  if ('fault' in tcp) return yield* failed(tcp.fault);
  yield ok(about, `${at} (${name.result.join(', ')}) answers in ${tcp.result.toFixed(1)} ms`);
  if (security.tls !== undefined) {
    const tls = await tryTo(about, () => certificateAt(address, access), adviceOnCertificate);
    if ('fault' in tls) return yield* failed(tls.fault);
    yield tls.result;
  }
  const options = { clientId: CLIENT_ID, timeoutMs, security };
  const opened = await tryTo(about, () => Connection.open(address, options), adviceOn(security));
  if ('fault' in opened) return yield* failed(opened.fault);
  try {
    yield ok(about, `speaks Kafka${credentialsOf(security)}`);
    return yield* versionChecks(about, opened.result);
  } finally {
    opened.result.close();
  }
}

async function* failed(finding: Finding): AsyncGenerator<Finding, false> {
  yield finding;
  return false;
}

function adviceOnCertificate({ cause }: EdgelogError): string | undefined {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code !== 'CERT_HAS_EXPIRED' && code !== 'CERT_NOT_YET_VALID') return undefined;
  return 'set the clock of this machine, if it is wrong; else give the broker a new certificate';
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 14;

async function certificateAt(address: Address, { security, timeoutMs }: Access): Promise<Finding> {
  const { stream, close } = await tellingMixUps(address, { isTls: true, timeoutMs }, () =>
    openSocket(address, { tls: security.tls, timeoutMs }),
  );
  const { subject, issuer, valid_to: validTo } = (stream as TLSSocket).getPeerCertificate();
  const protocol = (stream as TLSSocket).getProtocol();
  close();
  const says = `${protocol}; certificate of ${subject.CN}, signed by ${issuer.CN}, good until ${validTo}`;
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
  if (days >= SOON_DAYS) return ok(formatAddress(address), says);
  return {
    about: formatAddress(address),
    level: 'warning',
    says,
    advice: `renew it: ${days} days are left, and then no gateway connects any more`,
  };
}

function adviceOn({ tls, sasl }: KafkaSecurity): (error: EdgelogError) => string | undefined {
  return ({ code }) => {
    if (code === 'AUTHENTICATION_FAILED') {
      return sasl === undefined
        ? 'give --kafka-cert and --kafka-key, or --kafka-sasl'
        : 'check user, password or token, and that the user exists in the cluster for this very mechanism';
    }
    if (code !== 'CONNECTION_LOST' && code !== 'TIMEOUT' && code !== 'CORRUPT_FRAME') return undefined;
    return tls === undefined
      ? 'if that listener speaks TLS use kafka+tls://; if it wants to know who asks, --kafka-sasl'
      : 'if that listener has no TLS use kafka://';
  };
}

function credentialsOf({ tls, sasl }: KafkaSecurity): string {
  if (sasl === undefined) return tls?.cert === undefined ? '' : ', and takes the certificate';
  const who = 'user' in sasl ? ` of ${sasl.user}` : '';
  return `, and takes the credentials${who} (${sasl.mechanism})`;
}

async function* versionChecks(about: string, connection: Connection): AsyncGenerator<Finding, boolean> {
  const asked = await tryTo(about, () =>
    connection.request(apis.apiVersions, { clientSoftwareName: CLIENT_ID, clientSoftwareVersion: '1' }),
  );
  if ('fault' in asked) return yield* failed(asked.fault);
  const served = new Map(asked.result.apiKeys.map((one) => [one.apiKey, one]));
  const lacks = ({ key, versions: [min, max] }: Api) => {
    const theirs = served.get(key);
    return theirs === undefined || theirs.maxVersion < min || theirs.minVersion > max;
  };
  const missing = NEEDED.filter(lacks);
  if (missing.length > 0) {
    yield problem(
      about,
      `lacks ${missing.map(({ name }) => name).join(', ')} in a version that this program speaks`,
      'Kafka 2.8 or newer is needed (DescribeProducers)',
    );
    return false;
  }
  const wished = WELCOME.filter(lacks).map(({ name }) => name);
  if (wished.length === 0) yield ok(about, 'has every call that is needed');
  else {
    yield {
      about,
      level: 'warning',
      says: `has every call that is needed, but not ${wished.join(', ')}`,
      advice: 'create topics by hand, and check their settings yourself',
    };
  }
  return true;
}
