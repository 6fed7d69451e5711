import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { LogFields, Logger } from '@edgelog/runtime';
import mqtt from 'mqtt';
import { describe, expect, test } from 'vitest';
import type { RunningAgent } from '../agent.ts';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { connectPacket, publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const KIB = 1024;

function listening(): Logger & { lines: { event: string; fields: LogFields }[] } {
  const lines: { event: string; fields: LogFields }[] = [];
  const keep = (event: string, fields: LogFields = {}) => void lines.push({ event, fields });
  return { debug: () => {}, info: () => {}, warn: keep, error: keep, lines };
}

/** An agent with a hub that takes everything: what the hub holds is what the log holds. */
async function setUp(given: Partial<Parameters<typeof testAgent>[0]> = {}) {
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const log = listening();
  const agent = await testAgent({ dataDir: temporaryDir(), hub: [server.url], ...given }, { log });
  return { hub, agent, log, port: agent.mqttPort };
}

const endOffset = (agent: RunningAgent) => agent.status().streams[0]?.endOffset ?? 0;

async function drained(agent: RunningAgent, records: number): Promise<void> {
  await until(
    `${records} records are acknowledged`,
    () => agent.status().streams[0]?.ackedOffset === records,
  );
}

async function run(command: string, ...args: string[]): Promise<number> {
  const [code] = await once(spawn(command, args, { stdio: 'inherit' }), 'exit');
  return code;
}

describe('a device that publishes', () => {
  test.each([0, 1, 2] as const)(
    'mosquitto_pub at QoS %i: the message is in the log as it was sent',
    async (qos) => {
      const { hub, agent, port } = await setUp();
      const args = [
        '-p',
        String(port),
        '-h',
        '127.0.0.1',
        '-i',
        'dev-7',
        '-t',
        'hall/temp',
        '-q',
        String(qos),
        '-m',
        '21.5',
      ];
      expect(await run('mosquitto_pub', ...args)).toBe(0);
      await drained(agent, 1);
      const [record] = hub.records();
      expect(record!.key!.toString()).toBe('hall/temp');
      expect(record!.value!.toString()).toBe('21.5');
      expect(record!.headers.at(-1)!.value!.toString()).toBe('mqtt:dev-7');
    },
  );

  test('acknowledgements come in the order of the messages, QoS 1 and 2 mixed', async () => {
    const { port } = await setUp();
    const client = await RawMqtt.connect(port, 'dev');
    const packets = Array.from({ length: 200 }, (_, i) =>
      publishPacket('t', `${i}`, { messageId: i + 1, qos: i % 3 === 0 ? 2 : 1 }),
    );
    client.send(...packets);
    await Promise.all([client.packets('puback', 133), client.packets('pubrec', 67)]);
    const idsOf = (cmd: string) => client.received.filter((p) => p.cmd === cmd).map((p) => p.messageId!);
    for (const ids of [idsOf('puback'), idsOf('pubrec')]) expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test('packets that come in one read with CONNECT are all taken', async () => {
    const { agent, port } = await setUp();
    const client = new RawMqtt(port);
    const packets = Array.from({ length: 1000 }, (_, i) => publishPacket('t', `${i}`, { messageId: i + 1 }));
    client.send(connectPacket('eager'), ...packets);
    await client.packets('puback', 1000);
    expect(endOffset(agent)).toBe(1000);
  });

  test("a last will is a message like any other, and the broker's own are none", async () => {
    const { hub, agent, port } = await setUp();
    const client = new RawMqtt(port);
    client.send({
      ...(connectPacket('dying') as object),
      cmd: 'connect',
      clientId: 'dying',
      will: { topic: 'dying/state', payload: Buffer.from('gone'), qos: 1, retain: false },
    });
    await client.packets('connack', 1);
    client.socket.destroy();
    await drained(agent, 1);
    expect(hub.values()).toEqual(['gone']);
    expect(hub.records()[0]!.headers.at(-1)!.value!.toString()).toBe('mqtt:dying');
  });

  test('a local subscriber receives what is published', async () => {
    const { port } = await setUp();
    const subscriber = await RawMqtt.connect(port, 'sub');
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'hall/#', qos: 1 }] });
    await subscriber.packets('suback', 1);
    const client = await RawMqtt.connect(port, 'dev');
    client.send(publishPacket('hall/temp', '21.5'));
    const [received] = await subscriber.packets('publish', 1);
    expect(received).toMatchObject({ topic: 'hall/temp', qos: 1 });
  });
});

test('a frozen subscriber holds nobody up', async () => {
  const { agent, port } = await setUp();
  const subscriber = await RawMqtt.connect(port, 'frozen');
  subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
  await subscriber.packets('suback', 1);
  subscriber.socket.pause();
  const client = await RawMqtt.connect(port, 'dev');
  const value = Buffer.alloc(50 * KIB);
  for (let sent = 0; sent < 500; sent += 10) {
    client.send(
      ...Array.from({ length: 10 }, (_, i) => publishPacket('t', value, { messageId: sent + i + 1 })),
    );
    await client.packets('puback', sent + 10);
  }
  expect(agent.status().mqtt.clients).toBe(2);
  expect(agent.status().mqtt.subscriberDrops).toBeGreaterThan(0);
});

describe('a QoS 2 message that is sent again', () => {
  const message = (given = {}) => publishPacket('meter', '17', { qos: 2, messageId: 9, ...given });

  test('on the same connection it is stored once', async () => {
    const { agent, port } = await setUp();
    const client = await RawMqtt.connect(port, 'dev');
    client.send(message(), message({ dup: true }), message({ dup: true }));
    await client.packets('pubrec', 3);
    expect(endOffset(agent)).toBe(1);
    client.send({ cmd: 'pubrel', messageId: 9 });
    await client.packets('pubcomp', 1);
    client.send(message());
    await client.packets('pubrec', 4);
    expect(endOffset(agent)).toBe(2);
  });

  test('after a reconnect of a persistent session it is stored once', async () => {
    const { agent, port } = await setUp();
    const before = await RawMqtt.connect(port, 'dev', false);
    before.send(message());
    await before.packets('pubrec', 1);
    before.socket.destroy();
    const after = await RawMqtt.connect(port, 'dev', false);
    after.send(message({ dup: true }));
    await after.packets('pubrec', 1);
    expect(endOffset(agent)).toBe(1);
  });

  test('after a restart of the agent it is stored once, and the id is free after PUBREL', async () => {
    const dataDir = temporaryDir();
    const first = await setUp({ dataDir });
    const before = await RawMqtt.connect(first.port, 'dev', false);
    before.send(message());
    await before.packets('pubrec', 1);
    await first.agent.stop();
    const second = await setUp({ dataDir });
    const after = await RawMqtt.connect(second.port, 'dev', false);
    after.send(message({ dup: true }));
    await after.packets('pubrec', 1);
    expect(endOffset(second.agent)).toBe(1);
    expect(second.agent.status().mqtt.repeated).toBe(1);
    after.send({ cmd: 'pubrel', messageId: 9 });
    await after.packets('pubcomp', 1);
    after.send(message());
    await after.packets('pubrec', 2);
    expect(endOffset(second.agent)).toBe(2);
  });

  test('after a crash before local subscribers had it, they get it with the repeat', async () => {
    const dataDir = temporaryDir();
    const first = await setUp({ dataDir });
    const before = await RawMqtt.connect(first.port, 'dev', false);
    before.send(message());
    await before.packets('pubrec', 1);
    await first.agent.stop();
    const second = await setUp({ dataDir });
    const subscriber = await RawMqtt.connect(second.port, 'local');
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
    await subscriber.packets('suback', 1);
    const after = await RawMqtt.connect(second.port, 'dev', false);
    after.send(message({ dup: true }), message({ dup: true }));
    await after.packets('pubrec', 2);
    expect(await subscriber.packets('publish', 1)).toMatchObject([{ payload: Buffer.from('17') }]);
    expect(endOffset(second.agent)).toBe(1);
  });

  test('other content under the same packet id is a new message', async () => {
    const { agent, port } = await setUp();
    const client = await RawMqtt.connect(port, 'dev', false);
    client.send(message(), message({ payload: '18' }));
    await client.packets('pubrec', 2);
    expect(endOffset(agent)).toBe(2);
  });

  test('ids that are never released are bounded: the connection is closed, and the message not taken', async () => {
    const { agent, port, log } = await setUp();
    for (let messageId = 1; messageId <= 1000; messageId += 500) {
      const client = await RawMqtt.connect(port, 'dev', false);
      client.send(...Array.from({ length: 500 }, (_, i) => message({ messageId: messageId + i })));
      await client.packets('pubrec', 500);
      client.socket.destroy();
    }
    const client = await RawMqtt.connect(port, 'dev', false);
    client.send(message({ messageId: 2000 }));
    await client.closed();
    expect(endOffset(agent)).toBe(1000);
    const isSaid = () => log.lines.some(({ fields }) => /await PUBREL/.test(String(fields.reason)));
    await until('the line is there', isSaid);
  });

  test('a clean session begins without packet ids', async () => {
    const { agent, port } = await setUp();
    const before = await RawMqtt.connect(port, 'dev', false);
    before.send(message());
    await before.packets('pubrec', 1);
    before.socket.destroy();
    const after = await RawMqtt.connect(port, 'dev', true);
    after.send(message());
    await after.packets('pubrec', 1);
    expect(endOffset(agent)).toBe(2);
  });
});

describe('input that is refused', () => {
  test.each([
    ['garbage', Buffer.from([0, 1, 2, 3, 0xff]), /CONNECT/],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /HTTP/],
    ['a CONNECT with illegal flags', Buffer.from([0x1f, 0x02, 0, 0]), /Invalid|flag/],
    ['a PUBLISH before CONNECT', Buffer.from([0x30, 0x03, 0, 1, 0x61]), /CONNECT/],
  ])('%s closes the connection with a line in the log', async (_, bytes, expected) => {
    const { port, log } = await setUp();
    const client = new RawMqtt(port);
    client.send(bytes);
    await client.closed();
    const said = () => log.lines.find(({ fields }) => expected.test(String(fields.reason)));
    await until('the line is there', () => said() !== undefined);
    expect(said()!.fields.remote).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('a payload a little over the limit is not acknowledged, others go on', async () => {
    const { agent, port, log } = await setUp({ maxMessageBytes: 10 * KIB });
    const bystander = await RawMqtt.connect(port, 'bystander');
    const client = await RawMqtt.connect(port, 'greedy');
    client.send(publishPacket('big', Buffer.alloc(10 * KIB + 1)));
    await client.closed();
    expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack']);
    expect(log.lines).toContainEqual({
      event: 'message refused',
      fields: expect.objectContaining({ client: 'greedy', topic: 'big', bytes: 10 * KIB + 1 }),
    });
    bystander.send(publishPacket('small', 'x'));
    await bystander.packets('puback', 1);
    expect(endOffset(agent)).toBe(1);
  });

  test('a payload far over the limit is refused when it is announced; what came before it is acknowledged', async () => {
    const { agent, port, log } = await setUp({ maxMessageBytes: 10 * KIB });
    const client = new RawMqtt(port);
    const huge = Buffer.concat([Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f, 0, 3]), Buffer.from('big')]);
    client.send(connectPacket('greedy'), publishPacket('small', 'x'), huge);
    await client.closed();
    expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack', 'puback']);
    expect(log.lines).toContainEqual({
      event: 'message refused',
      fields: expect.objectContaining({ client: 'greedy', topic: 'big', bytes: 268_435_460 }),
    });
    expect(endOffset(agent)).toBe(1);
  });

  test("the $SYS topics are the broker's own", async () => {
    const { agent, port } = await setUp();
    const client = await RawMqtt.connect(port, 'dev');
    client.send(publishPacket('$SYS/x', 'y'));
    await client.closed();
    expect(endOffset(agent)).toBe(0);
  });

  test.each([4, 5] as const)(
    'a client of version %i without a client id gets one that says so',
    async (protocolVersion) => {
      const { hub, agent, port } = await setUp();
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { clientId: '', protocolVersion });
      await client.publishAsync('t', 'x', { qos: 1 });
      await client.endAsync();
      await drained(agent, 1);
      expect(hub.records()[0]!.headers.at(-1)!.value!.toString()).toMatch(/^mqtt:auto-/);
    },
  );

  test('a client id longer than any key is welcome', async () => {
    const { agent, port } = await setUp();
    const client = await RawMqtt.connect(port, 'x'.repeat(10_000), false);
    client.send(publishPacket('t', 'y', { qos: 2 }));
    await client.packets('pubrec', 1);
    expect(endOffset(agent)).toBe(1);
  });
});

test('a flood at QoS 0 keeps the bytes in memory within bounds and loses nothing that was read', async () => {
  const { agent, port } = await setUp();
  const value = Buffer.alloc(50 * KIB, 'x');
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, agent.status().pendingBytes);
  }, 1);
  const packets = Array.from({ length: 50 }, () => publishPacket('flood', value, { qos: 0 }));
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const client = await RawMqtt.connect(port, `flood-${i}`);
      client.send(...packets, { cmd: 'pingreq' });
      await client.packets('pingresp', 1);
    }),
  );
  await until('all is durable', () => agent.status().pendingBytes === 0);
  clearInterval(watch);
  expect(endOffset(agent)).toBe(1000);
  expect(most).toBeLessThan(12 * 1024 * KIB);
});
