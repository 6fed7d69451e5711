import type { IPublishPacket } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { temporaryDir, testAgent } from '../testing/fixture.ts';
import { publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

type QoS = 0 | 1 | 2;

interface Given {
  clean?: boolean;
  receiveMaximum?: number;
}

async function setUp({ clean = true, receiveMaximum = 100 }: Given = {}) {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const subscriber = await RawMqtt.connect5(agent.mqttPort, {
    clientId: 'subscriber',
    clean,
    properties: { receiveMaximum, sessionExpiryInterval: clean ? 0 : 100 },
  });
  let subscribed = 0;
  const subscribe = async (topic: string, qos: QoS, subscriptionIdentifier?: number) => {
    subscriber.send({
      cmd: 'subscribe',
      messageId: ++subscribed,
      subscriptions: [{ topic, qos }],
      ...(subscriptionIdentifier !== undefined && { properties: { subscriptionIdentifier } }),
    });
    await subscriber.packets('suback', subscribed);
  };
  const publisher = await RawMqtt.connect(agent.mqttPort, 'publisher');
  let published = 0;
  /** Resolves when it is acknowledged: by then it is on its way to who is connected. */
  const publish = async (topic: string, payload: string, retain = false) => {
    publisher.send(publishPacket(topic, payload, { messageId: ++published, retain }));
    await publisher.packets('puback', published);
  };
  const publishes = async (count: number) => (await subscriber.packets('publish', count)) as IPublishPacket[];
  const ack = (messageId: number) => subscriber.send({ cmd: 'puback', messageId });
  /** Whatever was to come has come. */
  const settled = async () => {
    const before = subscriber.received.filter(({ cmd }) => cmd === 'pingresp').length;
    subscriber.send({ cmd: 'pingreq' });
    await subscriber.packets('pingresp', before + 1);
  };
  return { subscriber, publisher, subscribe, publish, publishes, ack, settled };
}

const payloadsOf = (packets: readonly IPublishPacket[]) => packets.map(({ payload }) => String(payload));

test.each([true, false])(
  'a message that several subscriptions match (clean: %s) comes once, by the highest QoS, with the identifiers of all',
  async (clean) => {
    const { publisher, subscribe, publishes } = await setUp({ clean });
    await subscribe('a/b', 1, 1);
    await subscribe('a/+', 2, 2);
    await subscribe('other', 1, 3);
    publisher.send(publishPacket('a/b', 'both', { qos: 2 }), publishPacket('other', 'one', { messageId: 2 }));
    const [both, one] = await publishes(2);
    expect(both).toMatchObject({ topic: 'a/b', qos: 2 });
    expect([both!.properties?.subscriptionIdentifier].flat().toSorted()).toEqual([1, 2]);
    expect(one).toMatchObject({ topic: 'other', qos: 1, properties: { subscriptionIdentifier: 3 } });
  },
);

test('a first subscription of QoS 0 does not take the message from a second one of QoS 1', async () => {
  const { subscribe, publish, publishes } = await setUp();
  await subscribe('a/b', 0);
  await subscribe('a/#', 1);
  await publish('a/b', 'x');
  expect(await publishes(1)).toMatchObject([{ qos: 1 }]);
});

test('a subscription with a wildcard gets no higher QoS than it was granted', async () => {
  const { publisher, subscribe, publishes } = await setUp();
  await subscribe('#', 1);
  publisher.send(publishPacket('a', 'x', { qos: 2 }));
  expect(await publishes(1)).toMatchObject([{ qos: 1 }]);
});

test.each([true, false])(
  'no more messages are in flight (clean: %s) than the Receive Maximum of the client, and the others follow in order',
  async (clean) => {
    const { subscriber, subscribe, publish, publishes, ack, settled } = await setUp({
      clean,
      receiveMaximum: 2,
    });
    await subscribe('#', 1);
    for (let n = 0; n < 10; n++) await publish('t', `${n}`);
    await publishes(2);
    await settled();
    expect(await publishes(2)).toHaveLength(2);
    for (let n = 0; n < 10; n++) ack((await publishes(n + 1))[n]!.messageId!);
    await settled();
    expect(payloadsOf(await publishes(10))).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`));
    expect(subscriber.isClosed).toBe(false);
  },
);

test('a message of QoS 2 that the client refuses makes room for the next one', async () => {
  const { subscriber, publisher, subscribe, publishes } = await setUp({ receiveMaximum: 1 });
  await subscribe('#', 2);
  publisher.send(
    publishPacket('t', 'refused', { qos: 2 }),
    publishPacket('t', 'next', { qos: 2, messageId: 2 }),
  );
  const [first] = await publishes(1);
  subscriber.send({ cmd: 'pubrec', messageId: first!.messageId!, reasonCode: 0x97 });
  expect(payloadsOf(await publishes(2))).toEqual(['refused', 'next']);
});

test.each([true, false])(
  'a slow subscriber (clean: %s) gets no retained message after the one that has replaced it',
  async (clean) => {
    const { subscribe, publish, publishes, ack } = await setUp({ clean, receiveMaximum: 1 });
    const topics = Array.from({ length: 200 }, (_, n) => `t/${n + 100}`);
    for (const topic of topics) await publish(topic, 'old', true);
    await subscribe('t/#', 1);
    await publishes(1);
    const replaced = topics.at(-1)!;
    await publish(replaced, 'new', true);
    await publish('t/end', 'end');
    for (let n = 1; n <= topics.length + 1; n++) ack((await publishes(n)).at(n - 1)!.messageId!);
    const received = await publishes(topics.length + 1);
    expect(payloadsOf(received.filter(({ topic }) => topic === replaced))).toEqual(['new']);
    expect(new Set(received.map(({ topic }) => topic)).size).toBe(topics.length + 1);
  },
);

/** Acknowledges until nothing more comes; how many came. */
async function takeAll({ subscriber, ack, settled }: Awaited<ReturnType<typeof setUp>>): Promise<number> {
  for (let taken = 0; ; ) {
    await settled();
    const all = subscriber.received.filter(({ cmd }) => cmd === 'publish');
    if (all.length === taken) return taken;
    for (const { messageId } of all.slice(taken)) ack(messageId!);
    taken = all.length;
  }
}

test('what waits for a subscriber that takes nothing is measured with its topic: ten thousand of 64 KiB were 640 MB', async () => {
  const all = await setUp({ receiveMaximum: 1 });
  await all.subscribe('#', 1);
  const topic = 't'.repeat(50_000);
  for (let n = 0; n < 60; n++) await all.publish(topic, `${n}`);
  const taken = await takeAll(all);
  expect(taken).toBeGreaterThan(10);
  expect(taken).toBeLessThan(30);
});

test('a subscriber that takes nothing and subscribes again and again is not kept each retained message as often', async () => {
  const all = await setUp({ receiveMaximum: 1 });
  await all.publish('t', 'x'.repeat(900_000), true);
  for (let n = 0; n < 30; n++) await all.subscribe('t', 1);
  const taken = await takeAll(all);
  expect(taken).toBeGreaterThan(10);
  expect(taken).toBeLessThan(25);
});
