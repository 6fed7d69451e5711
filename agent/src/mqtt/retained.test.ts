import { Aedes, type PublishPacket } from 'aedes';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { boundRetained } from './retained.ts';
import { boundOfflineQueues } from './session-store.ts';

let broker: Aedes;
const dropped: string[] = [];
beforeEach(async () => {
  broker = await Aedes.createBroker();
  dropped.length = 0;
  onTestFinished(() => new Promise((resolve) => broker.close(resolve)));
});

const packet = (topic: string, payload: string, qos: 0 | 1 = 0): PublishPacket => ({
  cmd: 'publish',
  topic,
  payload: Buffer.from(payload),
  qos,
  retain: true,
  dup: false,
});
const publish = (topic: string, payload: string) =>
  new Promise<void>((resolve, reject) =>
    broker.publish(packet(topic, payload), (error) => (error ? reject(error) : resolve())),
  );

async function retained(): Promise<Record<string, string>> {
  const { persistence } = broker as unknown as {
    persistence: { createRetainedStream(pattern: string): AsyncIterable<PublishPacket> };
  };
  const found: Record<string, string> = {};
  for await (const { topic, payload } of persistence.createRetainedStream('#')) found[topic] = `${payload}`;
  return found;
}

describe('retained messages', () => {
  test('are bounded in number: a new topic has no room until one is cleared', async () => {
    boundRetained(broker, (topic) => void dropped.push(topic), { messages: 2, bytes: 1000 });
    for (const topic of ['a', 'b', 'c', 'a']) await publish(topic, '1');
    expect(await retained()).toEqual({ a: '1', b: '1' });
    expect(dropped).toEqual(['c']);
    await publish('a', '');
    await publish('c', '2');
    expect(await retained()).toEqual({ b: '1', c: '2' });
  });

  test('are bounded in bytes, and a topic whose new value has no room does not keep its old one', async () => {
    boundRetained(broker, (topic) => void dropped.push(topic), { messages: 10, bytes: 100 });
    await publish('a', 'x'.repeat(50));
    await publish('b', 'old');
    await publish('b', 'x'.repeat(50));
    expect(Object.keys(await retained())).toEqual(['a']);
    expect(dropped).toEqual(['b']);
    await publish('a', 'x');
    await publish('b', 'new');
    expect(await retained()).toEqual({ a: 'x', b: 'new' });
  });
});

test('sessions of clients that stay away are bounded together, however many there are', async () => {
  boundOfflineQueues(broker, (clientId) => void dropped.push(clientId), 100);
  const { persistence } = broker as unknown as {
    persistence: {
      outgoingEnqueueCombi(subscribers: { clientId: string }[], packet: PublishPacket): Promise<void>;
      outgoingStream(client: { id: string }): AsyncIterable<PublishPacket>;
    };
  };
  const subscribers = ['one', 'two', 'three'].map((clientId) => ({ clientId }));
  await persistence.outgoingEnqueueCombi(subscribers, packet('t', 'x'.repeat(40), 1));
  expect(dropped).toEqual(['three']);
  for (const [id, count] of [
    ['two', 1],
    ['three', 0],
  ] as const) {
    const queue = [];
    for await (const one of persistence.outgoingStream({ id })) queue.push(one);
    expect(queue).toHaveLength(count);
  }
});
