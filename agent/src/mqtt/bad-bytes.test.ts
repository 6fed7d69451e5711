import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { temporaryDir, testAgent } from '../testing/fixture.ts';
import { connectPacket, publishPacket, RawMqtt } from '../testing/raw-mqtt.ts';

const SAMPLES: readonly Packet[] = [
  publishPacket('t', 'value'),
  publishPacket('t', 'value', { qos: 2 }),
  { cmd: 'pubrel', messageId: 1 },
  { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 1 }] },
  { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a/#'] },
  { cmd: 'puback', messageId: 1 },
  { cmd: 'pubrec', messageId: 1 },
  { cmd: 'pubcomp', messageId: 1 },
  { cmd: 'pingreq' },
];

/** Packets of which some bytes are changed, cut off or made up. */
const damaged = (version: 4 | 5) =>
  fc
    .tuple(
      fc.constantFrom(...SAMPLES),
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }),
      fc.nat(60),
      fc.uint8Array({ maxLength: 20 }),
    )
    .map(([packet, changes, keep, tail]) => {
      const bytes = generate(packet, { protocolVersion: version });
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return Buffer.concat([bytes.subarray(0, Math.max(1, keep)), tail]);
    });

test.each([4, 5] as const)(
  'bad bytes after CONNECT (version %i) cost the client that sends them its connection, and nobody else anything',
  async (version) => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    const bystander = await RawMqtt.connect(agent.mqttPort, 'bystander');
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(damaged(version), { minLength: 1, maxLength: 5 }), async (packets) => {
        const connect = { ...connectPacket(`bad-${sent}`), protocolVersion: version } as Packet;
        const client = new RawMqtt(agent.mqttPort, version);
        client.send(connect);
        await client.packets('connack', 1);
        client.send(...packets);
        sent++;
        bystander.send(publishPacket('t', 'good', { messageId: (sent % 65_000) + 1 }));
        await bystander.packets('puback', sent);
        client.socket.end();
      }),
      { numRuns: 100 },
    );
    expect(bystander.isClosed).toBe(false);
  },
);

test('bad bytes instead of CONNECT cost nobody else anything', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const bystander = await RawMqtt.connect(agent.mqttPort, 'bystander');
  const connect = generate(connectPacket('x'));
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
      fc.nat(connect.length),
      async (noise, keep) => {
        const client = new RawMqtt(agent.mqttPort);
        client.send(Buffer.concat([connect.subarray(0, keep), noise]));
        bystander.send(publishPacket('t', 'good', { messageId: ++sent }));
        await bystander.packets('puback', sent);
        client.socket.end();
      },
    ),
    { numRuns: 100 },
  );
  expect(bystander.isClosed).toBe(false);
});

/** What JavaScript's objects have from birth. */
const INHERITED = ['constructor', 'toString', 'hasOwnProperty', '__proto__'];

test.each(INHERITED)(
  'who calls himself, a topic filter or a protocol %s costs nobody else anything',
  async (name) => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    const bystander = await RawMqtt.connect(agent.mqttPort, 'bystander');
    for (const version of [4, 5] as const) {
      const connect = { ...connectPacket(name), protocolVersion: version } as Packet;
      const ofNoProtocol = new RawMqtt(agent.mqttPort, version);
      ofNoProtocol.send(Buffer.from([0x10, name.length + 3, 0, name.length, ...Buffer.from(name), version]));
      await ofNoProtocol.closed();
      const first = new RawMqtt(agent.mqttPort, version);
      first.send(connect);
      await first.packets('connack', 1);
      const second = new RawMqtt(agent.mqttPort, version);
      second.send(connect);
      await second.packets('connack', 1);
      await first.closed();
      const subscriptions = [name, 'other'].map((topic) => ({ topic, qos: 1 as const }));
      if (name !== '__proto__') {
        second.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: [name] });
        await second.packets('unsuback', 1);
        second.send({ cmd: 'subscribe', messageId: 2, subscriptions });
        await second.packets('suback', 1);
        second.send(publishPacket(name, 'x'));
        expect(await second.packets('publish', 1)).toMatchObject([{ topic: name, qos: 1 }]);
        second.socket.end();
      } else second.send({ cmd: 'subscribe', messageId: 2, subscriptions });
      await second.closed();
    }
    expect(bystander.isClosed).toBe(false);
  },
);
