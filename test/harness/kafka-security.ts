import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testCertificates } from '../../packages/etcd/src/testing/certificates.ts';
import type { KafkaProperties } from './kafka-node.ts';

/** Listeners beside the plain one, and the protocol of each. */
export const SECURE_LISTENERS = {
  TLS: 'SSL',
  MTLS: 'SSL',
  SASL: 'SASL_PLAINTEXT',
  SASLTLS: 'SASL_SSL',
} as const;
export type SecureListener = keyof typeof SECURE_LISTENERS;

const MODULES = 'org.apache.kafka.common.security';

export interface KafkaSecurity {
  /** PEM files: the authority, and a certificate with its key by it for clients (mTLS asks for one). */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Good for PLAIN and both kinds of SCRAM. */
  readonly user: string;
  readonly password: string;
  readonly properties: KafkaProperties;
  /** For `kafka-storage format`. */
  readonly scram: readonly string[];
}

/** Certificates, users and the properties of the listeners that ask for them. */
export function kafkaSecurity(dir: string): KafkaSecurity {
  const { caFile, certFile, keyFile } = testCertificates(dir);
  const keyStore = join(dir, 'broker.pem');
  writeFileSync(keyStore, readFileSync(keyFile, 'utf8') + readFileSync(certFile, 'utf8'));
  const [user, password] = ['gateway', 'of-the-gateway'];
  const sasl = (listener: string): Record<string, string> => {
    const at = `listener.name.${listener.toLowerCase()}`;
    return {
      [`${at}.sasl.enabled.mechanisms`]: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      [`${at}.plain.sasl.jaas.config`]: `${MODULES}.plain.PlainLoginModule required user_${user}="${password}";`,
      [`${at}.scram-sha-256.sasl.jaas.config`]: `${MODULES}.scram.ScramLoginModule required;`,
      [`${at}.scram-sha-512.sasl.jaas.config`]: `${MODULES}.scram.ScramLoginModule required;`,
      [`${at}.oauthbearer.sasl.jaas.config`]: `${MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    };
  };
  return {
    ...{ caFile, certFile, keyFile, user, password },
    properties: {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': keyStore,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': caFile,
      'listener.name.mtls.ssl.client.auth': 'required',
      ...sasl('SASL'),
      ...sasl('SASLTLS'),
    },
    scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) => `${mechanism}=[name=${user},password=${password}]`,
    ),
  };
}

/** A token for OAUTHBEARER as these brokers take it: not signed. */
export function unsignedToken(subject: string, lifeSeconds: number): string {
  const now = Math.floor(Date.now() / 1_000);
  const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now, exp: now + lifeSeconds })}.`;
}
