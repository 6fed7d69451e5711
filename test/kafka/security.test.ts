import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection, KafkaCluster, type KafkaSecurity, type Sasl } from '@edgelog/client';
import { openSocket } from '@edgelog/client/socket.ts';
import { parseAddress } from '@edgelog/runtime';
import { sealBatch } from '@edgelog/sim';
import { apis, ErrorCode, RESERVED_PRODUCER_ID_MIN } from '@edgelog/wire';
import { describe, expect, test } from 'vitest';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { type SecureListener, unsignedToken } from '../harness/kafka-security.ts';
import { run } from '../harness/process.ts';
import { withKafka } from './with-kafka.ts';

/** How long brokers believe what they were shown: long enough for a client that a loaded machine keeps waiting. */
const SESSION_MS = 8_000;
/** A loaded machine may keep a client from showing its credentials anew in time; a client that does not try fails each time. */
const LATE = { retry: 2 };
const CLI = join(import.meta.dirname, '../../packages/cli/src/main.ts');
const TOPIC = 'secured';
const clientId = 'edgelog-test';
const timeoutMs = 30_000;

let kafka: KafkaProcesses;
const skip = withKafka(
  "the client's security against Kafka",
  async (started) => {
    kafka = started;
    await kafka.admin.createTopic(TOPIC);
  },
  { security: true, configs: { 'connections.max.reauth.ms': SESSION_MS } },
);
let producers = RESERVED_PRODUCER_ID_MIN;

const open = (listener: SecureListener, security: KafkaSecurity): Promise<KafkaCluster> =>
  KafkaCluster.open({ bootstrap: [kafka.secureBootstrap(listener)], clientId, timeoutMs, security });

/** Connects, produces one batch, and reads it. */
async function roundTrip(listener: SecureListener, security: KafkaSecurity): Promise<void> {
  const cluster = await open(listener, security);
  try {
    const topic = await cluster.topic(TOPIC);
    const batch = sealBatch({ producerId: producers++, baseOffset: 0, records: [1, 2, 3], time: Date.now() });
    const produced = await cluster.toLeader(TOPIC, 0, apis.produce, {
      ...{ acks: -1, timeoutMs },
      topicData: [{ name: TOPIC, topicId: topic!.topicId, partitionData: [{ index: 0, records: [batch] }] }],
    });
    const { errorCode, baseOffset } = produced.responses[0]!.partitionResponses[0]!;
    expect(errorCode).toBe(ErrorCode.NONE);
    const fetched = await cluster.toLeader(TOPIC, 0, apis.fetch, {
      ...{ maxWaitMs: 500, minBytes: 1, maxBytes: 2 ** 20, forgottenTopicsData: [] },
      topics: [
        {
          ...{ topic: TOPIC, topicId: topic!.topicId },
          partitions: [{ partition: 0, fetchOffset: baseOffset, partitionMaxBytes: 2 ** 20 }],
        },
      ],
    });
    const records = fetched.responses[0]!.partitions[0]!.records!;
    // From byte 16 on: Kafka sets the offset and the leader epoch before it.
    expect(records.subarray(16, batch.length).equals(batch.subarray(16))).toBe(true);
  } finally {
    cluster.close();
  }
}

const withPassword = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', password?: string): Sasl => ({
  mechanism,
  user: kafka.security.user,
  password: password ?? kafka.security.password,
});

function withToken(lifeSeconds: number): Sasl {
  const file = join(kafka.dir, `token-${lifeSeconds}`);
  writeFileSync(file, unsignedToken('gateway', lifeSeconds));
  return { mechanism: 'oauthbearer', token: { file } };
}

const trusting = () => ({ ca: kafka.security.caFile });
const known = () => ({ ...trusting(), cert: kafka.security.certFile, key: kafka.security.keyFile });

describe.skipIf(skip)('what Kafka takes', () => {
  test('TLS', () => roundTrip('TLS', { tls: trusting() }));
  test('TLS with a certificate of the client', () => roundTrip('MTLS', { tls: known() }));
  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('SASL %s', async (mechanism) => {
    await roundTrip('SASL', { sasl: withPassword(mechanism) });
    await roundTrip('SASLTLS', { tls: trusting(), sasl: withPassword(mechanism) });
  });
  test('SASL oauthbearer', async () => {
    await roundTrip('SASL', { sasl: withToken(3600) });
    await roundTrip('SASLTLS', { tls: trusting(), sasl: withToken(3600) });
  });

  test('the command line, its password in the environment', async () => {
    const servers = `kafka+tls://${kafka.secureBootstrap('SASLTLS')}`;
    const args = ['topics', '--list', '--json', '--bootstrap-server', servers];
    const sasl = ['--kafka-ca', kafka.security.caFile, '--kafka-sasl', 'scram-sha-512'];
    const { code, stdout, stderr } = await run(
      process.execPath,
      [CLI, ...args, ...sasl, '--kafka-user', kafka.security.user],
      { env: { ...process.env, EDGELOG_KAFKA_PASSWORD: kafka.security.password } },
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(TOPIC);
  });

  test('a TLS connection may be given up in the very turn in which it is there: it took the process along', async () => {
    const address = parseAddress(kafka.secureBootstrap('TLS'));
    for (let i = 0; i < 10; i++) {
      const { stream, reset } = await openSocket(address, { tls: trusting(), timeoutMs });
      stream.write(Buffer.alloc(2 ** 20));
      const closed = once(stream, 'close');
      reset();
      await closed;
    }
  });

  test.concurrent.each([
    ['plain', () => withPassword('plain')],
    ['scram-sha-512', () => withPassword('scram-sha-512')],
    ['oauthbearer', () => withToken(3600)],
  ] as const)(
    'a connection outlives its sessions by %s, and pipelined requests with it',
    LATE,
    async (_, sasl) => {
      const address = parseAddress(kafka.secureBootstrap('SASL'));
      const connection = await Connection.open(address, { clientId, timeoutMs, security: { sasl: sasl() } });
      const endMs = performance.now() + 1.2 * SESSION_MS;
      try {
        let answered = 0;
        while (performance.now() < endMs) {
          const answers = Array.from({ length: 5 }, () => connection.request(apis.metadata, { topics: [] }));
          answered += (await Promise.all(answers)).filter(({ brokers }) => brokers.length === 1).length;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        expect(answered).toBeGreaterThan(5);
        expect(connection.isOpen).toBe(true);
      } finally {
        connection.close();
      }
    },
  );
});

describe.skipIf(skip)('what Kafka refuses, or would give away', () => {
  const refused = async (listener: SecureListener, security: KafkaSecurity, message: RegExp | string) => {
    await expect(open(listener, security)).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      message: expect.stringMatching(message),
    });
  };

  test.each([
    ['plain', 'PLAIN'],
    ['scram-sha-256', 'SCRAM-SHA-256'],
    ['scram-sha-512', 'SCRAM-SHA-512'],
  ] as const)('a wrong password for %s: mechanism, user and broker are named', (mechanism, name) =>
    refused(
      'SASL',
      { sasl: withPassword(mechanism, 'wrong') },
      `^SASL ${name} as gateway failed at ${kafka.secureBootstrap('SASL')}: Authentication failed`,
    ),
  );
  test('a token that has run out', () =>
    refused('SASL', { sasl: withToken(-3600) }, /^SASL OAUTHBEARER with the token in .*invalid_token/));
  test('no certificate where one is asked for', async () => {
    await expect(open('MTLS', { tls: trusting() })).rejects.toMatchObject({
      message: expect.stringContaining('certificate'),
    });
  });
  test('a broker that an unknown authority vouches for', () =>
    refused('TLS', { tls: {} }, /the broker's certificate is signed by an authority that is not trusted/));
  test('credentials where none are asked for', () =>
    refused(
      'TLS',
      { tls: trusting(), sasl: withPassword('plain') },
      /this listener of the broker asks for no SASL/,
    ));
  test('no credentials where they are asked for', async () => {
    await expect(open('SASL', {})).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      message: expect.stringContaining('does it want --kafka-sasl'),
    });
  });
  test('a listener with TLS is told apart', async () => {
    await expect(open('TLS', {})).rejects.toThrow(/speaks TLS: use kafka\+tls:|closed the connection/);
  });
  test('a listener without TLS is told apart', async () => {
    const told = /speaks no TLS: use kafka:|does it speak TLS there/;
    await expect(open('SASL', { tls: trusting() })).rejects.toThrow(told);
  });
});
