import { createConnection } from 'node:net';
import { generate, type Packet } from 'mqtt-packet';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryDir, testAgent } from '../testing/fixture.ts';
import { connectPacket, publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';
import { checkControlPacket } from './control-packets.ts';
import { FrameReader } from './frame-reader.ts';
import { MqttFault } from './protocol.ts';

type Version = 3 | 4 | 5;

const field = (content: string | readonly number[]) => {
  const bytes = Buffer.from(content as string);
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
};
const packet = (first: number, body: readonly number[]) => Buffer.from([first, body.length, ...body]);
const properties = (version: Version) => (version === 5 ? [0] : []);

interface Connect {
  flags?: number;
  clientId?: string | readonly number[];
  /** Behind the client id. */
  rest?: readonly number[];
}

const connect = (version: Version, { flags = 2, clientId = 'dev', rest = [] }: Connect) =>
  packet(0x10, [
    ...field(version === 3 ? 'MQIsdp' : 'MQTT'),
    version,
    flags,
    ...[0, 0],
    ...properties(version),
    ...field(clientId),
    ...rest,
  ]);
const connect5With = (given: readonly number[]) =>
  packet(0x10, [...field('MQTT'), 5, 2, 0, 0, given.length, ...given, ...field('dev')]);
const filters = (version: Version, first: number, id: number, ...rest: number[]) =>
  packet(first, [id >> 8, id & 0xff, ...properties(version), ...rest]);
const subscribe = (version: Version, filter: string | readonly number[], options = 1, id = 1) =>
  filters(version, 0x82, id, ...field(filter), options);

function check(bytes: Buffer, version: Version): string | undefined {
  const frames = new FrameReader(10_000);
  // What is no CONNECT must come after one.
  if (bytes[0] !== 0x10) {
    frames.push(connect(4, {}));
    frames.next();
  }
  frames.push(bytes);
  expect(frames.next()).toBe(true);
  try {
    checkControlPacket(frames, frames.type === 1 ? undefined : version);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(MqttFault);
    return (error as Error).message;
  }
}

const NOT_UTF8 = [0xff, 0xfe];
const SURROGATE = [0xed, 0xa0, 0x80];
const will = (version: Version, topic: string | readonly number[]) => [
  ...properties(version),
  ...field(topic),
  ...field('gone'),
];

describe.each([3, 4, 5] as const)('MQTT %i', (version) => {
  test.each<[string, Connect]>([
    ['a client id', {}],
    ['none', { clientId: '' }],
    ['a will', { flags: 0x2e, rest: will(version, 'state/ä') }],
    ['user and password', { flags: 0xc2, rest: [...field('me'), ...field([0, 1, 255])] }],
    ['all of it', { flags: 0xc6, rest: [...will(version, 't'), ...field('me'), ...field('x')] }],
  ])('CONNECT with %s is fine', (_, given) => {
    expect(check(connect(version, given), version)).toBeUndefined();
  });

  test.each<[string, Connect, RegExp]>([
    ['the reserved flag', { flags: 3 }, /reserved/],
    ['a will of QoS 3', { flags: 0x1e, rest: will(version, 't') }, /QoS 3/],
    ['QoS of no will', { flags: 0x0a }, /no will/],
    ['a will with a wildcard in its topic', { flags: 6, rest: will(version, 'a/#') }, /wildcard/],
    ['a will without a topic', { flags: 6, rest: will(version, '') }, /without a topic/],
    ['a will whose topic is not UTF-8', { flags: 6, rest: will(version, NOT_UTF8) }, /UTF-8/],
    ['a client id that is not UTF-8', { clientId: NOT_UTF8 }, /UTF-8/],
    ['a client id with a surrogate', { clientId: SURROGATE }, /UTF-8/],
    ['a client id with U+0000', { clientId: 'a\0b' }, /U\+0000/],
    ['a user name that is not UTF-8', { flags: 0x82, rest: field(NOT_UTF8) }, /UTF-8/],
    ['less than it announces', { flags: 0x82 }, /ends within/],
    ['more than it announces', { rest: [1, 2] }, /behind its last field/],
  ])('CONNECT with %s is malformed', (_, given, message) => {
    expect(check(connect(version, given), version)).toMatch(message);
  });

  test.each(['a', 'a/+/b', '#', '+', '/', 'a/#', '$share/g/a', 'ä'])('SUBSCRIBE to %s is fine', (filter) => {
    expect(check(subscribe(version, filter), version)).toBeUndefined();
    expect(check(filters(version, 0xa2, 1, ...field(filter)), version)).toBeUndefined();
  });

  test.each(['', 'a+', 'a#', '#/a', 'a/#/b', '+a/b', 'a/b+', 'a\0', NOT_UTF8])(
    'what is no topic filter (%j) is malformed',
    (filter) => {
      expect(check(subscribe(version, filter), version)).toMatch(/malformed SUBSCRIBE/);
      expect(check(filters(version, 0xa2, 1, ...field(filter)), version)).toMatch(/malformed UNSUBSCRIBE/);
    },
  );

  test('SUBSCRIBE with flags, packet id 0, no filter, or options there are none of is malformed', () => {
    const malformed = [
      filters(version, 0x80, 1, ...field('a'), 1),
      subscribe(version, 'a', 1, 0),
      filters(version, 0x82, 1),
      filters(version, 0xa2, 1),
      ...[3, 0xc1, version === 5 ? 0x31 : 4].map((options) => subscribe(version, 'a', options)),
    ];
    for (const bytes of malformed) expect(check(bytes, version)).toMatch(/malformed/);
  });
});

test('who sends such a packet is disconnected and told why, and no will of it is published', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const watcher = await RawMqtt.connect(agent.mqttPort, 'watcher');
  watcher.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
  await watcher.packets('suback', 1);
  const dying = new RawMqtt(agent.mqttPort);
  dying.send(connect(4, { flags: 6, rest: will(4, 'gone/#') }));
  await dying.closed();
  const subscriber = await RawMqtt.connect5(agent.mqttPort, { clientId: 'dev' });
  subscriber.send(subscribe(5, 'a+'));
  await subscriber.closed();
  expect(subscriber.received.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x8f });
  watcher.send(publishPacket('t', 'x'));
  expect(await watcher.packets('publish', 1)).toMatchObject([{ topic: 't' }]);
});

test.each<[string, Buffer, number[]]>([
  ['level 6', packet(0x10, [...field('MQTT'), 6, 2, 0, 0, 0, ...field('dev')]), [0x20, 3, 0, 0x84, 0]],
  ['level 2', packet(0x10, [...field('MQTT'), 2, 2, 0, 0, ...field('dev')]), [0x20, 2, 0, 1]],
  ['level 4 of MQIsdp', packet(0x10, [...field('MQIsdp'), 4, 2, 0, 0, ...field('dev')]), [0x20, 2, 0, 1]],
  ['a packet limit of 0', connect5With([0x27, 0, 0, 0, 0]), [0x20, 3, 0, 0x82, 0]],
  ['a Receive Maximum of 0', connect5With([0x21, 0, 0]), [0x20, 3, 0, 0x82, 0]],
])('CONNECT with %s is told why it is refused, in CONNACK', async (_, bytes, answer) => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const socket = createConnection({ port: agent.mqttPort, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  socket.write(bytes);
  expect([...Buffer.concat(await socket.toArray())]).toEqual(answer);
});

test('a bridge may say that it is one, and its names are looked at like others', () => {
  const bridge = (clientId: string | readonly number[]) =>
    packet(0x10, [...field('MQTT'), 0x84, 2, 0, 0, ...field(clientId)]);
  expect(check(bridge('bridge'), 4)).toBeUndefined();
  expect(check(bridge(NOT_UTF8), 4)).toMatch(/UTF-8/);
});

test('a will is a message without its delay: a strict subscriber would take it for malformed', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const watcher = await RawMqtt.connect5(agent.mqttPort, { clientId: 'watcher' });
  watcher.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
  await watcher.packets('suback', 1);
  const dying = await RawMqtt.connect5(agent.mqttPort, {
    clientId: 'dying',
    will: {
      topic: 'gone',
      payload: Buffer.from('!'),
      qos: 1,
      retain: false,
      properties: { willDelayInterval: 0, contentType: 'text/plain' },
    },
  });
  dying.socket.destroy();
  const [message] = await watcher.packets('publish', 1);
  expect((message as { properties?: object }).properties).toEqual({ contentType: 'text/plain' });
});

test('a subscriber of MQTT 5 gets no packet over its limit, properties counted', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const subscriber = await RawMqtt.connect5(agent.mqttPort, {
    clientId: 'small',
    properties: { maximumPacketSize: 60 },
  });
  subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] });
  await subscriber.packets('suback', 1);
  const publisher = await RawMqtt.connect5(agent.mqttPort, { clientId: 'pub' });
  const large = { ...publishPacket('t', 'large'), properties: { userProperties: { name: 'v'.repeat(60) } } };
  publisher.send(large as Packet, publishPacket('t', 'small', { messageId: 2 }));
  const [message] = await subscriber.packets('publish', 1);
  expect(String((message as { payload: Buffer }).payload)).toBe('small');
});

test('what a client library makes of a packet is fine', () => {
  const version = 5;
  const full = {
    ...connectPacket('dev'),
    protocolVersion: version,
    username: 'me',
    password: Buffer.from('x'),
  };
  expect(check(generate(full as Packet), version)).toBeUndefined();
});
