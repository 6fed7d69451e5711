import { expect, test } from 'vitest';
import { securityWarning } from './security.ts';
import { isKafkaUrl, kafkaSecurityOf, mergeKafkaUrls, parseKafkaUrl } from './settings.ts';

test.each([
  ['kafka://a:1', { bootstrap: ['a:1'], isTls: false }],
  ['kafka://a:1,[::1]:2/', { bootstrap: ['a:1', '[::1]:2'], isTls: false }],
  ['kafka+tls://a:1,b:2', { bootstrap: ['a:1', 'b:2'], isTls: true }],
])('%s is read', (url, expected) => {
  expect(isKafkaUrl(url)).toBe(true);
  expect(parseKafkaUrl(url)).toEqual(expected);
});

test.each([
  ['ws://a:1', '--hub: "ws://a:1" does not begin with kafka://'],
  ['kafka://a', '--hub: "a" is not HOST:PORT'],
  ['kafka://', '--hub: "" is not HOST:PORT'],
  ['kafka://me:secret@a:1', '--hub: a Kafka URL holds no credentials'],
])('%s is refused', (url, message) => {
  expect(() => parseKafkaUrl(url, '--hub')).toThrow(message);
});

test('a list that was split at its commas is put together again, and only where it belongs to a Kafka URL', () => {
  expect(
    mergeKafkaUrls(['ws://x:1', 'kafka://a:1', 'b:2', 'c:3', 'wss://y:2', 'kafka+tls://d:4', 'e:5']),
  ).toEqual(['ws://x:1', 'kafka://a:1,b:2,c:3', 'wss://y:2', 'kafka+tls://d:4,e:5']);
  expect(mergeKafkaUrls(['a:1', 'ws://b:2', 'c:3'])).toEqual(['a:1', 'ws://b:2', 'c:3']);
});

const none = { isTls: false };
const password = { kafkaUser: 'u', kafkaPassword: 'p' };
const grant = { kafkaTokenUrl: 'https://t/', kafkaTokenClientId: 'i', kafkaTokenClientSecret: 's' };

test.each([
  [none, {}, { tls: undefined, sasl: undefined }],
  [{ isTls: true }, { kafkaCa: 'ca.pem' }, { tls: { ca: 'ca.pem' }, sasl: undefined }],
  [
    none,
    { kafkaSasl: 'scram-sha-512' as const, ...password },
    { tls: undefined, sasl: { mechanism: 'scram-sha-512', user: 'u', password: 'p' } },
  ],
  [
    none,
    { kafkaSasl: 'oauthbearer' as const, kafkaTokenFile: 'f' },
    { tls: undefined, sasl: { mechanism: 'oauthbearer', token: { file: 'f' } } },
  ],
  [
    none,
    { kafkaSasl: 'oauthbearer' as const, ...grant },
    {
      tls: undefined,
      sasl: { mechanism: 'oauthbearer', token: { url: 'https://t/', clientId: 'i', clientSecret: 's' } },
    },
  ],
])('%j with %j', (url, settings, expected) => {
  expect(kafkaSecurityOf(url, settings)).toEqual(expected);
});

test.each([
  [none, { kafkaCa: 'ca.pem' }, '--kafka-ca, --kafka-cert and --kafka-key are for kafka+tls://'],
  [{ isTls: true }, { kafkaCert: 'c' }, '--kafka-cert and --kafka-key belong together'],
  [none, { kafkaUser: 'u' }, '--kafka-user needs --kafka-sasl'],
  [
    none,
    { kafkaSasl: 'plain' as const, kafkaUser: 'u' },
    'needs --kafka-password (or EDGELOG_KAFKA_PASSWORD)',
  ],
  [none, { kafkaSasl: 'plain' as const, ...password, kafkaTokenFile: 'f' }, '--kafka-token-file is for'],
  [none, { kafkaSasl: 'oauthbearer' as const }, 'needs --kafka-token-file or --kafka-token-url'],
  [none, { kafkaSasl: 'oauthbearer' as const, ...password }, '--kafka-user is not for'],
  [none, { kafkaSasl: 'oauthbearer' as const, kafkaTokenFile: 'f', ...grant }, 'only one of them'],
  [
    none,
    { kafkaSasl: 'oauthbearer' as const, ...grant, kafkaTokenUrl: 'ftp://t' },
    'expected http:// or https://',
  ],
])('%j with %j is refused', (url, settings, message) => {
  expect(() => kafkaSecurityOf(url, settings)).toThrow(message);
});

test('a password in the clear is warned of, but not on this machine', () => {
  const plain = { sasl: { mechanism: 'plain' as const, user: 'u', password: 'p' } };
  expect(securityWarning(plain, ['a:1'])).toBe(
    'the password of SASL PLAIN travels unencrypted to a:1: use kafka+tls://',
  );
  expect(securityWarning(plain, ['127.0.0.1:1', '[::1]:2', 'localhost:3'])).toBeUndefined();
  expect(securityWarning({ ...plain, tls: {} }, ['a:1'])).toBeUndefined();
  expect(securityWarning({ sasl: { ...plain.sasl, mechanism: 'scram-sha-256' } }, ['a:1'])).toBeUndefined();
});
