import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ErrorCode, RecordsEncoder } from '@edgelog/wire';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { askKafka } from '../harness/kafka-raw.ts';
import { consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { connect as mqttConnect, publish } from '../harness/mqtt-packets.ts';
import { edgelog, run } from '../harness/process.ts';
import { exchange } from '../harness/raw.ts';
import { System } from '../harness/system.ts';
import { until } from '../harness/wait.ts';

const TOPIC = 'orders';
const GARBAGE = Buffer.from(Array.from({ length: 4096 }, (_, i) => ((i + 1) * 2_654_435_761) & 0xff));
const HTTP = 'GET / HTTP/1.1\r\nHost: edgelog\r\n\r\n';

let system: System;
let bystanders = 0;

beforeAll(async () => {
  system = await (await System.create()).start();
});

/** Whatever was sent, a device still gets its acknowledgement, and both processes live. */
afterEach(async () => {
  if (system.agent === undefined || !system.agent.alive || !system.hub!.alive)
    throw new Error(system.output());
  await new MqttLoad({ port: system.ports.mqtt, clientId: `bystander-${bystanders++}` }).run(5);
  expect((await fetch(`http://127.0.0.1:${system.ports.hubHttp}/healthz`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${system.ports.agentHttp}/healthz`)).status).toBe(200);
});

/** And a reader gets what all the devices sent. */
afterAll(async () => {
  await system.drained();
  const keys = (await consumeAll(system.bootstrap, 'telemetry')).map(({ key }) => key);
  const sent = Array.from({ length: bystanders }, (_, i) => Array(5).fill(`load/bystander-${i}`)).flat();
  await system.stop();
  expect(keys).toEqual(sent);
});

async function sealed(values: readonly string[]): Promise<Buffer> {
  const records = new RecordsEncoder({ baseOffset: 0, baseTimestamp: Date.now() });
  for (const value of values) records.append({ timestamp: Date.now(), key: null, value: Buffer.from(value) });
  return records.seal({ compression: 'none', producerId: -1, producerEpoch: -1, baseSequence: -1 });
}

async function produce(records: Buffer): Promise<{ errorCode: number; errorMessage: string | null }> {
  const response = await askKafka(system.ports.kafka, 'produce', 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 5_000,
    topicData: [
      {
        name: TOPIC,
        topicId: '00000000-0000-0000-0000-000000000000',
        partitionData: [{ index: 0, records }],
      },
    ],
  });
  const { errorCode, errorMessage } = response.responses[0]!.partitionResponses[0]!;
  return { errorCode, errorMessage };
}

describe('the Kafka port', () => {
  beforeAll(async () => {
    await run('kcat', ['-b', system.bootstrap, '-P', '-t', TOPIC, '-p', '0'], { input: 'first\n' });
  });

  test('closes a connection that sends garbage, and says whose', async () => {
    const { closed } = await exchange(system.ports.kafka, GARBAGE);
    expect(closed).toBe(true);
    await until('the hub says so', () => /127\.0\.0\.1/.test(system.hub!.stderr));
  });

  test('names HTTP when it sees it', async () => {
    const { closed } = await exchange(system.ports.kafka, HTTP);
    expect(closed).toBe(true);
    await until('the hub says so', () => /HTTP/.test(system.hub!.stderr));
  });

  test('refuses a frame of 2 GiB before it arrives, naming size and limit', async () => {
    const { closed } = await exchange(system.ports.kafka, Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 0]));
    expect(closed).toBe(true);
    await until('the hub says so', () => system.hub!.stderr.includes('2147483647'));
  });

  test('answers CORRUPT_MESSAGE to a batch with a wrong CRC and stores nothing of it', async () => {
    const batch = await sealed(['spoiled']);
    batch[batch.length - 1]! ^= 0xff;
    expect((await produce(batch)).errorCode).toBe(ErrorCode.CORRUPT_MESSAGE);
    expect((await consumeAll(system.bootstrap, TOPIC)).map(({ value }) => value)).not.toContain('spoiled');
  });

  test('answers CORRUPT_MESSAGE to a truncated batch, INVALID_RECORD or CORRUPT_MESSAGE to none at all', async () => {
    const batch = await sealed(['truncated']);
    for (const bytes of [batch.subarray(0, batch.length - 3), batch.subarray(0, 40)]) {
      const { errorCode } = await produce(Buffer.from(bytes));
      expect([ErrorCode.CORRUPT_MESSAGE, ErrorCode.INVALID_RECORD]).toContain(errorCode);
    }
    expect((await consumeAll(system.bootstrap, TOPIC)).map(({ value }) => value)).not.toContain('truncated');
  });

  test('answers MESSAGE_TOO_LARGE to a batch over the limit', async () => {
    const { errorCode } = await produce(await sealed(['x'.repeat(2_000_000)]));
    expect(errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE);
  });

  test.each(['two words', '..', 'x'.repeat(250), 'slash/ed'])('refuses the topic name %j', async (name) => {
    const response = await askKafka(system.ports.kafka, 'createTopics', 5, {
      topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 5_000,
      validateOnly: false,
    });
    expect(response.topics[0]!.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    expect(response.topics[0]!.errorMessage).toMatch(/name/i);
  });
});

describe('the sync port', () => {
  test('tells HTTP that this is a WebSocket endpoint', async () => {
    const response = await fetch(`http://127.0.0.1:${system.ports.sync}/`);
    expect(response.status).toBe(426);
    expect(await response.text()).toMatch(/WebSocket/i);
  });

  test('closes a connection that sends garbage', async () => {
    const { closed } = await exchange(system.ports.sync, GARBAGE);
    expect(closed).toBe(true);
  });

  test.each([
    ['text', 'hello'],
    ['garbage', GARBAGE],
    ['an oversize frame', Buffer.alloc(64 * 1024 * 1024)],
  ])('closes a WebSocket that sends %s, with a reason', async (_, message) => {
    const socket = new WebSocket(`ws://127.0.0.1:${system.ports.sync}/`);
    const closed = new Promise<{ code: number }>((done) => socket.on('close', (code) => done({ code })));
    socket.on('error', () => {});
    socket.on('open', () => socket.send(message));
    expect([1002, 1003, 1007, 1008, 1009]).toContain((await closed).code);
  });
});

describe('the MQTT port', () => {
  test.each([
    ['garbage', GARBAGE],
    ['HTTP', Buffer.from(HTTP)],
    [
      'a packet that announces 256 MiB',
      Buffer.concat([mqttConnect('huge'), Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f, 0, 1])]),
    ],
  ])('closes a connection that sends %s', async (_, bytes) => {
    const { closed } = await exchange(system.ports.mqtt, bytes);
    expect(closed).toBe(true);
  });

  test('a payload over the limit is not acknowledged, and the log names client and topic', async () => {
    const big = publish('plant/big', Buffer.alloc(2 * 1024 * 1024), 1, 1);
    const packets = Buffer.concat([mqttConnect('big-sender'), big]);
    const { reply, closed } = await exchange(system.ports.mqtt, packets);
    expect(closed).toBe(true);
    expect(reply.length).toBeLessThanOrEqual(4);
    await until('the agent says so', () => /big-sender/.test(system.agent!.stderr));
    const keys = (await consumeAll(system.bootstrap, 'telemetry')).map(({ key }) => key);
    expect(keys).not.toContain('plant/big');
  });
});

describe('the HTTP ports', () => {
  test.each(['hubHttp', 'agentHttp'] as const)(
    '%s answers 404, 405 and garbage with an error',
    async (name) => {
      const port = system.ports[name];
      expect((await fetch(`http://127.0.0.1:${port}/nowhere`)).status).toBe(404);
      expect((await fetch(`http://127.0.0.1:${port}/status`, { method: 'DELETE' })).status).toBe(405);
      const { reply, closed } = await exchange(port, GARBAGE);
      expect(closed).toBe(true);
      expect(reply.toString()).toMatch(/^HTTP\/1\.1 400/);
    },
  );
});

describe('settings and resources', () => {
  const attempt = async (...args: string[]): Promise<{ code: number | null; stderr: string }> => {
    const proc = edgelog(args);
    const { code } = await proc.exited;
    return { code, stderr: proc.stderr };
  };

  test.each([
    [['hub', '--data-dri', '/tmp/x'], /data-dri.*(--data-dir)/s],
    [['hub', '--kafka', 'nowhere'], /kafka.*nowhere/s],
    [['agent', '--mqtt', '127.0.0.1:99999'], /mqtt.*99999/s],
    [['agent', '--hub', 'http://x'], /hub.*http:\/\/x/s],
    [['agent', '--topic', 'two words'], /topic.*two words/s],
    [['hubb'], /hubb.*hub/s],
  ])('%j names what is wrong', async (args, expected) => {
    const { code, stderr } = await attempt(...args);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(expected);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('an unknown key in the config file is named, with the file', async () => {
    mkdirSync(system.dir, { recursive: true });
    const file = join(system.dir, 'agent.yaml');
    writeFileSync(file, 'gateway: g\nmqttt: 127.0.0.1:1\n');
    const { code, stderr } = await attempt('agent', '--config', file);
    expect(code).not.toBe(0);
    expect(stderr).toContain('mqttt');
    expect(stderr).toContain(file);
  });

  test('a port in use is named, with the setting', async () => {
    const address = `127.0.0.1:${system.ports.kafka}`;
    const { code, stderr } = await attempt(
      'hub',
      '--data-dir',
      join(system.dir, 'other'),
      '--kafka',
      address,
      '--sync',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain(address);
    expect(stderr).toMatch(/in use/);
  });

  test.each([
    ['hub', ['--kafka', '127.0.0.1:0', '--sync', '127.0.0.1:0', '--http', '127.0.0.1:0']],
    ['agent', ['--mqtt', '127.0.0.1:0', '--http', '127.0.0.1:0']],
  ])('a data directory in use by another %s is named', async (role, ports) => {
    const dir = role === 'hub' ? system.hubDir : system.agentDir;
    const { code, stderr } = await attempt(role, '--data-dir', dir, ...ports);
    expect(code).not.toBe(0);
    expect(stderr).toContain(dir);
    expect(stderr).toMatch(/in use/);
  });
});
