import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordHeader } from '@edgelog/wire';
import { connectAsync } from 'mqtt';
import type { IDisconnectPacket, IPubackPacket, IPublishPacket } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import type { RunningAgent } from '../agent.ts';
import { fillDisk } from '../testing/fill-disk.ts';
import { temporaryDir, testAgent, testHub, until } from '../testing/fixture.ts';
import { MemoryHub } from '../testing/memory-hub.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';
import { Reason } from './protocol.ts';

const MIB = 2 ** 20;

async function setUp(given: Partial<Parameters<typeof testAgent>[0]> = {}) {
  const hub = new MemoryHub();
  const server = await testHub(hub);
  const agent = await testAgent({ dataDir: temporaryDir(), hub: [server.url], ...given });
  return { hub, agent, port: agent.mqttPort };
}

const endOffset = (agent: RunningAgent) => agent.status().streams[0]?.endOffset ?? 0;

async function headersAtHub(hub: MemoryHub, records: number): Promise<[string, string][][]> {
  await until(`${records} records are at the hub`, () => hub.records().length === records);
  const isDevices = ({ key }: RecordHeader) => !key.startsWith('edgelog.');
  return hub
    .records()
    .map(({ headers }) => headers.filter(isDevices).map(({ key, value }) => [key, value!.toString()]));
}

/** The reason code of the DISCONNECT that the server sends. */
async function ending(client: RawMqtt): Promise<number | undefined> {
  const [packet] = await client.packets('disconnect', 1);
  await client.closed();
  return (packet as IDisconnectPacket).reasonCode;
}

describe('properties of a message', () => {
  test('mosquitto_pub -V 5: user properties, content type and the rest are headers of the record', async () => {
    const { hub, port } = await setUp();
    const properties = [
      'user-property unit C',
      'user-property unit K',
      'content-type text/plain',
      'response-topic r',
    ];
    const args = properties.flatMap((property) => ['-D', 'publish', ...property.split(' ')]);
    const common = ['-V', '5', '-h', '127.0.0.1', '-p', `${port}`, '-t', 't', '-m', 'x', '-q', '1'];
    const [code] = await once(spawn('mosquitto_pub', [...common, ...args], { stdio: 'inherit' }), 'exit');
    expect(code).toBe(0);
    expect(await headersAtHub(hub, 1)).toEqual([
      [
        ['unit', 'C'],
        ['unit', 'K'],
        ['content-type', 'text/plain'],
        ['mqtt.response-topic', 'r'],
      ],
    ]);
  });

  test('mqtt.js 5: the same, and a subscriber here receives them as they were sent', async () => {
    const { hub, port } = await setUp();
    const url = `mqtt://127.0.0.1:${port}`;
    const subscriber = await connectAsync(url, { protocolVersion: 5 });
    await subscriber.subscribeAsync('t', { qos: 1 });
    const received = new Promise<IPublishPacket>((resolve) =>
      subscriber.on('message', (_topic, _payload, packet) => resolve(packet)),
    );
    const client = await connectAsync(url, { protocolVersion: 5 });
    const properties = {
      userProperties: { unit: 'C' },
      contentType: 'text/plain',
      payloadFormatIndicator: true,
    };
    await client.publishAsync('t', 'x', { qos: 1, properties });
    expect((await received).properties).toMatchObject(properties);
    await Promise.all([client.endAsync(), subscriber.endAsync()]);
    expect(await headersAtHub(hub, 1)).toEqual([
      [
        ['unit', 'C'],
        ['content-type', 'text/plain'],
        ['mqtt.payload-format', 'utf-8'],
      ],
    ]);
  });

  test('an expiry is for local subscribers: the log keeps what it took', async () => {
    const { hub, port } = await setUp({ lingerMs: 1500 });
    const client = await RawMqtt.connect5(port, { clientId: 'dev' });
    client.send({ ...publishPacket('t', 'short-lived'), properties: { messageExpiryInterval: 1 } });
    await client.packets('puback', 1);
    await until('it is at the hub', () => hub.values().length === 1);
    expect(hub.values()).toEqual(['short-lived']);
  });

  test('the properties of a last will are headers too', async () => {
    const { hub, port } = await setUp();
    const properties = { userProperties: { why: 'cut' } };
    const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1 as const, retain: false, properties };
    const client = await RawMqtt.connect5(port, { clientId: 'dev', will });
    client.socket.destroy();
    expect(await headersAtHub(hub, 1)).toEqual([[['why', 'cut']]]);
  });
});

describe('a message that cannot be taken', () => {
  test('full disk kills ingest (IoT Edge, OTel): PUBACK and PUBREC say quota exceeded, and the connection stays', async () => {
    const { agent, port } = await setUp({ maxDiskBytes: 16 * MIB, compression: 'none' });
    agent.setUplinkPaused(true);
    const value = Buffer.alloc(50_000, 'x');
    const client = await RawMqtt.connect5(port, { clientId: 'dev' });
    const acks = () => client.received.filter(({ cmd }) => cmd === 'puback') as IPubackPacket[];
    let sent = 0;
    const isTaken = async (): Promise<boolean> => {
      client.send(publishPacket('t', value, { messageId: ++sent }));
      await client.packets('puback', sent);
      return (acks().at(-1)!.reasonCode ?? 0) === 0;
    };
    const taken = await fillDisk(isTaken);
    expect(acks().at(-1)!.reasonCode).toBe(Reason.QUOTA_EXCEEDED);
    expect(acks().at(-1)!.properties?.reasonString).toMatch(/disk/);
    client.send(
      publishPacket('t', value, { qos: 2, messageId: 2000 }),
      publishPacket('t', value, { qos: 0 }),
    );
    const [pubrec] = (await client.packets('pubrec', 1)) as IPubackPacket[];
    expect(pubrec!.reasonCode).toBe(Reason.QUOTA_EXCEEDED);
    agent.setUplinkPaused(false);
    await until('the disk has room again', () => !agent.status().disk.isFull);
    while (!(await isTaken())) await delay(100);
    expect(endOffset(agent)).toBe(taken + 1);
  });

  test('a payload over the limit costs the message, a packet over the limit the connection', async () => {
    const { agent, port } = await setUp({ maxMessageBytes: 1000 });
    const client = await RawMqtt.connect5(port, { clientId: 'dev' });
    const [connack] = await client.packets('connack', 1);
    const { maximumPacketSize } = (connack as unknown as { properties: { maximumPacketSize: number } })
      .properties;
    client.send(publishPacket('t', Buffer.alloc(1001)), publishPacket('t', 'ok', { messageId: 2 }));
    const acks = (await client.packets('puback', 2)) as IPubackPacket[];
    expect(acks.map(({ reasonCode }) => reasonCode ?? 0)).toEqual([Reason.QUOTA_EXCEEDED, 0]);
    client.send(publishPacket('t', Buffer.alloc(maximumPacketSize)));
    expect(await ending(client)).toBe(Reason.PACKET_TOO_LARGE);
    expect(endOffset(agent)).toBe(1);
  });

  test('a topic that is not allowed is refused by its acknowledgement', async () => {
    const { agent, port } = await setUp();
    const client = await RawMqtt.connect5(port, {
      clientId: 'dev',
      properties: { requestProblemInformation: false },
    });
    client.send(publishPacket('$SYS/x', 'y'), publishPacket('t', 'ok', { messageId: 2 }));
    const acks = (await client.packets('puback', 2)) as IPubackPacket[];
    expect(acks.map(({ reasonCode }) => reasonCode ?? 0)).toEqual([Reason.NOT_AUTHORIZED, 0]);
    expect(acks[0]!.properties).toBeUndefined();
    expect(endOffset(agent)).toBe(1);
  });
});

describe('the server says why it ends a connection', () => {
  test('when another connection has taken the session', async () => {
    const { port } = await setUp();
    const first = await RawMqtt.connect5(port, { clientId: 'dev' });
    await RawMqtt.connect5(port, { clientId: 'dev' });
    expect(await ending(first)).toBe(0x8e);
  });

  test('when it stops', async () => {
    const { agent, port } = await setUp();
    const client = await RawMqtt.connect5(port, { clientId: 'dev' });
    client.send(publishPacket('t', 'x'));
    await client.packets('puback', 1);
    await agent.stop();
    expect(await ending(client)).toBe(Reason.SERVER_SHUTTING_DOWN);
  });

  test('when more QoS 2 messages await PUBREL than it said it takes', async () => {
    const { agent, port } = await setUp();
    const client = await RawMqtt.connect5(port, { clientId: 'dev' });
    const [connack] = await client.packets('connack', 1);
    const { receiveMaximum } = (connack as unknown as { properties: { receiveMaximum: number } }).properties;
    const message = (messageId: number) => publishPacket('t', `${messageId}`, { qos: 2, messageId });
    client.send(...Array.from({ length: receiveMaximum + 1 }, (_, i) => message(i + 1)));
    expect(await ending(client)).toBe(Reason.RECEIVE_MAXIMUM_EXCEEDED);
    expect(client.received.filter(({ cmd }) => cmd === 'pubrec')).toHaveLength(receiveMaximum);
    expect(endOffset(agent)).toBe(receiveMaximum);
  });

  test('when a client is silent for longer than its keep-alive; one that publishes is not', async () => {
    const { port } = await setUp();
    const [silent, busy] = await Promise.all(
      ['silent', 'busy'].map((clientId) => RawMqtt.connect5(port, { clientId, keepalive: 3 })),
    );
    const timer = setInterval(() => busy!.send(publishPacket('t', 'x', { qos: 0 })), 200);
    expect(await ending(silent!)).toBe(Reason.KEEP_ALIVE_TIMEOUT);
    clearInterval(timer);
    expect(busy!.isClosed).toBe(false);
  });

  test('what came before a malformed packet is acknowledged', async () => {
    const { port } = await setUp();
    const client = await RawMqtt.connect5(port, { clientId: 'dev' });
    client.send(publishPacket('t', 'x'), Buffer.from([0x30, 4, 0, 1, 0xff, 0]));
    expect(await ending(client)).toBe(Reason.MALFORMED_PACKET);
    expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack', 'puback', 'disconnect']);
  });
});

describe('a QoS 2 message of MQTT 5.0 that is sent again', () => {
  const message = (given = {}) => publishPacket('meter', '17', { qos: 2, messageId: 9, ...given });
  const expiring = { clientId: 'dev', clean: false, properties: { sessionExpiryInterval: 600 } };

  async function sendAndReconnect(agent: RunningAgent, first: object, second: object): Promise<void> {
    const before = await RawMqtt.connect5(agent.mqttPort, { ...expiring, ...first });
    before.send(message());
    await before.packets('pubrec', 1);
    before.socket.destroy();
    await until('the first connection is gone', () => agent.status().mqtt.clients === 0);
    const after = await RawMqtt.connect5(agent.mqttPort, { ...expiring, ...second });
    after.send(message({ dup: true }));
    await after.packets('pubrec', 1);
  }

  test('is stored once in a session that goes on', async () => {
    const { agent } = await setUp();
    await sendAndReconnect(agent, {}, {});
    expect(endOffset(agent)).toBe(1);
  });

  test('is a new message after a clean start', async () => {
    const { agent } = await setUp();
    await sendAndReconnect(agent, {}, { clean: true });
    expect(endOffset(agent)).toBe(2);
  });

  test('is a new message where the session ended with the connection', async () => {
    const { agent } = await setUp();
    await sendAndReconnect(agent, { properties: { sessionExpiryInterval: 0 } }, {});
    expect(endOffset(agent)).toBe(2);
  });

  test('is a new message when the session has expired', async () => {
    const { agent, port } = await setUp();
    const before = await RawMqtt.connect5(port, { ...expiring, properties: { sessionExpiryInterval: 1 } });
    before.send(message());
    await before.packets('pubrec', 1);
    before.socket.destroy();
    await until('the first connection is gone', () => agent.status().mqtt.clients === 0);
    await delay(1500);
    const after = await RawMqtt.connect5(port, expiring);
    after.send(message({ dup: true }));
    await after.packets('pubrec', 1);
    expect(endOffset(agent)).toBe(2);
  });
});
