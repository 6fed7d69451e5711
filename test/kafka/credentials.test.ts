import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { java } from '../harness/java.ts';
import type { KafkaProcesses } from '../harness/kafka.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { freePorts } from '../harness/ports.ts';
import { edgelog, run, type TestProcess } from '../harness/process.ts';
import { until } from '../harness/wait.ts';
import { withKafka } from './with-kafka.ts';

let kafka: KafkaProcesses;
const skip = withKafka(
  "a gateway's credentials at Kafka",
  (started) => {
    kafka = started;
  },
  {
    security: true,
    configs: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      // Who comes without TLS and password: the brokers themselves, and this test.
      'super.users': 'User:ANONYMOUS',
    },
  },
);
const processes: TestProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one.stop()));
});

/** What INTO-KAFKA.md says that a gateway uses. */
const TOPICS = ['telemetry', '__edgelog_positions', 'edgelog.events'];

const secured = (password: string) => [
  ...['--hub', `kafka+tls://${kafka.secureBootstrap('SASLTLS')}`, '--kafka-ca', kafka.security.caFile],
  ...['--kafka-sasl', 'scram-sha-512', '--kafka-user', kafka.security.user, '--kafka-password', password],
];

interface AgentStatus {
  streams: { lagRecords: number }[];
  uplink: { state: string; connections: number };
  alarms: { name: string; message: string }[];
}

async function startAgent(name: string, hub: readonly string[]) {
  const [mqtt, http] = (await freePorts(2)) as [number, number];
  const agent = edgelog([
    ...['agent', '--data-dir', join(kafka.dir, name), '--gateway', name, ...hub],
    ...['--mqtt', `127.0.0.1:${mqtt}`, '--http', `127.0.0.1:${http}`],
  ]);
  processes.push(agent);
  await agent.ready();
  const status = async () => (await (await fetch(`http://127.0.0.1:${http}/status`)).json()) as AgentStatus;
  return { mqtt, http, status };
}

async function doctor(password: string) {
  const one = edgelog(['doctor', ...secured(password), '--topic', 'telemetry']);
  processes.push(one);
  const { code } = await one.exited;
  return { code, stdout: one.stdout };
}

describe.skipIf(skip)('credentials', () => {
  test('wrong ones: an alarm with advice, readings kept, and no attempt after another', async () => {
    const startedAt = performance.now();
    const { mqtt, http, status } = await startAgent('stranger', secured('wrong'));
    await new MqttLoad({ port: mqtt, clientId: 'device' }).run(10);
    const { alarms } = await until('the refusal is an alarm', async () => {
      const now = await status();
      return now.alarms.length > 0 && now;
    });
    expect(alarms[0]).toMatchObject({ name: 'refused by the hub' });
    expect(alarms[0]!.message).toMatch(
      /does not let this gateway in.*scram-sha-512.*readings are kept.*edgelog doctor/i,
    );
    const { uplink, streams } = await status();
    expect(uplink.state).toBe('refused');
    // It tries again after half a minute at the soonest, and a loaded machine may take so long to come here.
    expect(uplink.connections).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / 30_000);
    expect(streams[0]!.lagRecords).toBe(10);
    expect((await fetch(`http://127.0.0.1:${http}/healthz`)).status).toBe(503);
    const { code, stdout } = await doctor('wrong');
    expect(stdout).toMatch(/TLSv1.3; certificate of/);
    expect(stdout).toMatch(/problem .*scram-sha-512.*\n +→ check user, password/i);
    expect(code).toBe(1);
  });

  test.each([
    [
      'TLS where the listener speaks none',
      () => `kafka+tls://${kafka.bootstrap}`,
      'speaks no TLS: use kafka://',
    ],
    ['none where it does', () => `kafka://${kafka.secureBootstrap('TLS')}`, 'speaks TLS: use kafka\\+tls://'],
  ])('%s: the alarm names the URL to use', async (what, url, advice) => {
    const { status } = await startAgent(what.replaceAll(' ', '-'), ['--hub', url()]);
    const { alarms } = await until('it is an alarm', async () => {
      const now = await status();
      return now.alarms.length > 0 && now;
    });
    expect(alarms[0]).toMatchObject({ name: 'refused by the hub' });
    expect(alarms[0]!.message).toMatch(new RegExp(`${advice}.*readings are kept`));
  });

  test('right ones without permissions: doctor says which, and with those all goes well', async () => {
    const stranger = await doctor(kafka.security.password);
    for (const topic of TOPICS)
      expect(stranger.stdout).toMatch(
        new RegExp(`problem +topic ${topic}: may not even be seen\\n +→ .*--operation Write`),
      );
    expect(stranger.code).toBe(1);
    await java('org.apache.kafka.tools.AclCommand', [
      ...['--bootstrap-server', kafka.bootstrap, '--add'],
      ...['--allow-principal', `User:${kafka.security.user}`],
      ...TOPICS.flatMap((topic) => ['--topic', topic]),
      ...['Read', 'Write', 'DescribeConfigs', 'Create'].flatMap((one) => ['--operation', one]),
    ]);
    const { code, stdout } = await doctor(kafka.security.password);
    expect(stdout).toMatch(/takes the credentials of .* \(scram-sha-512\)/);
    expect(code).toBe(0);
    const { mqtt, status } = await startAgent('known', secured(kafka.security.password));
    await new MqttLoad({ port: mqtt, clientId: 'device' }).run(100);
    await until('all is in Kafka', async () => {
      const { streams } = await status();
      return streams.length > 0 && streams.every(({ lagRecords }) => lagRecords === 0);
    });
    const { stdout: listed } = await run('kcat', [
      '-b',
      kafka.bootstrap,
      '-C',
      '-t',
      'telemetry',
      '-e',
      '-q',
      '-f',
      '%s\n',
    ]);
    expect(listed.trim().split('\n')).toHaveLength(100);
  });
});
