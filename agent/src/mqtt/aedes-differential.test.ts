import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import fc from 'fast-check';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDir, testAgent } from '../testing/fixture.ts';
import { connectPacket, publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

type Step =
  | { is: 'publish'; qos: 0 | 1 | 2; topic: string; id: number; retain: boolean; value: string }
  | { is: 'release'; id: number }
  | { is: 'subscribe'; id: number; filter: string }
  | { is: 'unsubscribe'; id: number; filter: string }
  | { is: 'ping' };

const id = fc.integer({ min: 1, max: 4 });
const filter = fc.constantFrom('a', 'a/#', '+/b', '#');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant('publish' as const),
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      topic: fc.constantFrom('a', 'a/b', 'c'),
      id,
      retain: fc.boolean(),
      value: fc.constantFrom('1', '2', ''),
    }),
  },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('release' as const), id }) },
  {
    weight: 1,
    arbitrary: fc.record({ is: fc.constantFrom('subscribe' as const, 'unsubscribe' as const), id, filter }),
  },
  { weight: 1, arbitrary: fc.constant({ is: 'ping' as const }) },
);

async function plainAedes(): Promise<number> {
  const broker = await Aedes.createBroker({ concurrency: 0 });
  const server = createServer((socket) => void broker.handle(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => broker.close(() => server.close(() => resolve()))));
  return (server.address() as { port: number }).port;
}

/** As a client that follows the standard sends it: an id that is in use says the same thing again. */
function packetsOf(name: string, steps: readonly Step[]): Packet[] {
  const inUse = new Map<number, IPublishPacket>();
  return steps.map((one): Packet => {
    if (one.is === 'ping') return { cmd: 'pingreq' };
    if (one.is === 'release') {
      inUse.delete(one.id);
      return { cmd: 'pubrel', messageId: one.id };
    }
    if (one.is === 'subscribe') {
      return {
        cmd: 'subscribe',
        messageId: one.id,
        // By a filter of QoS 1 with a wildcard plain aedes sends QoS 2.
        subscriptions: [{ topic: `${name}/${one.filter}`, qos: 2 }],
      };
    }
    if (one.is === 'unsubscribe')
      return { cmd: 'unsubscribe', messageId: one.id, unsubscriptions: [`${name}/${one.filter}`] };
    const repeated = one.qos === 2 ? inUse.get(one.id) : undefined;
    if (repeated !== undefined) return { ...repeated, dup: true };
    const packet = publishPacket(`${name}/${one.topic}`, one.value, {
      qos: one.qos,
      messageId: one.id,
      retain: one.retain,
    });
    if (one.qos === 2) inUse.set(one.id, packet);
    return packet;
  });
}

const ANSWERS: Record<string, string> = {
  connect: 'connack',
  pubrel: 'pubcomp',
  subscribe: 'suback',
  unsubscribe: 'unsuback',
  pingreq: 'pingresp',
};

function answerOf(packet: Packet): string | undefined {
  if (packet.cmd === 'publish') return [undefined, 'puback', 'pubrec'][packet.qos];
  return ANSWERS[packet.cmd!];
}

/**
 * Sends packet by packet, with a ping behind each: plain aedes acknowledges before it delivers, and drops what a later
 * message overtakes. Gives what the sender and a bystander got to see.
 */
async function observe(port: number, name: string, packets: readonly Packet[]) {
  const bystander = await RawMqtt.connect(port, `${name}-bystander`);
  bystander.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${name}/#`, qos: 2 }] });
  await bystander.packets('suback', 1);
  const sender = new RawMqtt(port);
  const answered = new Map<string, number>();
  const ask = async (packet: Packet) => {
    sender.send(packet);
    const answer = answerOf(packet);
    if (answer === undefined) return;
    answered.set(answer, (answered.get(answer) ?? 0) + 1);
    await sender.packets(answer, answered.get(answer)!);
  };
  const end = `${name}/end`;
  await ask(connectPacket(name));
  await ask({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: end, qos: 1 }] });
  for (const packet of packets) {
    await ask(packet);
    await ask({ cmd: 'pingreq' });
  }
  await ask(publishPacket(end, 'END', { messageId: 9 }));
  const received = async (client: RawMqtt) => {
    const messages = () => client.received.filter(({ cmd }) => cmd === 'publish') as IPublishPacket[];
    while (!messages().some(({ topic }) => topic === end))
      await client.packets('publish', messages().length + 1);
    return messages().map(({ topic, payload, qos, retain }) => `${topic} ${payload} ${qos} ${retain}`);
  };
  const result = {
    answers: sender.received
      .filter(({ cmd }) => cmd !== 'publish')
      .map(({ cmd, messageId }) => `${cmd} ${messageId ?? ''}`),
    bystander: await received(bystander),
    own: (await received(sender)).toSorted(),
  };
  for (const client of [bystander, sender]) client.socket.destroy();
  return result;
}

test('a client sees what it would see of plain aedes: answers, subscriptions, retained messages', async () => {
  const ours = (await testAgent({ dataDir: temporaryDir() })).mqttPort;
  const theirs = await plainAedes();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const name = `dev-${run++}`;
      const packets = packetsOf(name, steps);
      expect(await observe(ours, name, packets)).toEqual(await observe(theirs, name, packets));
    }),
    { numRuns: 30 },
  );
});
