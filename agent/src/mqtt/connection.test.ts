import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { Pressure } from '@edgelog/edge';
import { Aedes } from 'aedes';
import fc from 'fast-check';
import { generate, type Packet, parser } from 'mqtt-packet';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../testing/fixture.ts';
import { connectPacket, publishPacket } from '../testing/raw-mqtt.ts';
import { type ConnectionHost, MqttConnection } from './connection.ts';
import type { MqttSocket } from './listeners/index.ts';
import { PartialPackets } from './partial-packets.ts';
import { AckType } from './protocol.ts';

/** Both ends of a connection over the loopback. */
async function socketPair(): Promise<[Socket, MqttSocket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay(true);
  const [end] = (await once(server, 'connection')) as [Socket];
  server.close();
  return [client, end];
}

async function memoryPair(): Promise<[Duplex, MqttSocket]> {
  const [client, end] = duplexPair();
  return [client, Object.assign(end, { remoteAddress: 'memory', remotePort: 0 })];
}

/** A client and a connection over such a pair: what was published and released is in `taken`, in order. */
async function setUp(
  given: Partial<ConnectionHost> = {},
  pair: () => Promise<[Duplex, MqttSocket]> = memoryPair,
) {
  const broker = await Aedes.createBroker();
  onTestFinished(() => new Promise<void>((resolve) => broker.close(resolve)));
  const [client, socket] = await pair();
  onTestFinished(() => void client.destroy());
  const taken: string[] = [];
  const faults: string[] = [];
  const connection = new MqttConnection(
    socket,
    { certificateName: undefined },
    {
      maxPacketBytes: 100_000,
      messagesPerSecond: 0,
      bytesPerSecond: 0,
      pressure: new Pressure(),
      partial: new PartialPackets(),
      monotonicMs: () => performance.now(),
      onPublish: ({ acks }, { payload, messageId, qos }) => {
        taken.push(`${payload}`);
        if (qos === 1) acks.ack(AckType.PUBACK, messageId);
      },
      onRelease: (_, messageId) => void taken.push(`release ${messageId}`),
      onFault: (_, { message }) => void faults.push(message),
      onThrottled: () => {},
      ...given,
    },
  );
  connection.client = broker.handle(socket);
  return { client, taken, faults, connection };
}

const packet = fc.oneof(
  fc.constant('ping' as const),
  fc.record({ release: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ value: fc.stringMatching(/^[a-z]{0,200}$/) }),
);

test.each([
  ['a pipe in memory', memoryPair],
  ['TCP', socketPair],
])('messages and other packets keep their order over %s, however the bytes are cut', async (_, pair) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(packet, { maxLength: 30 }),
      fc.array(fc.nat(), { maxLength: 10 }),
      async (packets, cuts) => {
        const { client, taken, faults } = await setUp({}, pair);
        const answers: string[] = [];
        const parse = parser();
        parse.on('packet', ({ cmd }) => answers.push(cmd!));
        client.on('data', (bytes: Buffer) => void parse.parse(bytes));
        const sent: Packet[] = packets.map((one, i) => {
          if (one === 'ping') return { cmd: 'pingreq' };
          if ('release' in one) return { cmd: 'pubrel', messageId: one.release };
          return publishPacket('t', one.value, { messageId: i + 1 });
        });
        const bytes = Buffer.concat([connectPacket('dev'), ...sent].map((one) => generate(one)));
        const bounds = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b), bytes.length];
        for (const [i, to] of bounds.entries()) {
          client.write(bytes.subarray(bounds[i - 1] ?? 0, to));
          if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        const published = sent.filter(({ cmd }) => cmd === 'publish').length;
        const pings = sent.filter(({ cmd }) => cmd === 'pingreq').length;
        const messages = packets.filter((one) => one !== 'ping');
        await until(
          'all is answered',
          () => answers.length === 1 + published + pings && taken.length === messages.length,
        );
        expect(taken).toEqual(messages.map((one) => ('value' in one ? one.value : `release ${one.release}`)));
        expect(faults).toEqual([]);
      },
    ),
    { numRuns: 50 },
  );
});

test.each([
  ['a pipe in memory', memoryPair],
  ['TCP', socketPair],
])(
  'who hangs up behind its DISCONNECT is heard to the end over %s, whenever it is held up',
  async (_, pair) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(packet, { minLength: 1, maxLength: 30 }),
        fc.array(fc.record({ cut: fc.nat(), isHeld: fc.boolean(), waits: fc.boolean() }), { maxLength: 6 }),
        fc.boolean(),
        async (packets, stops, isHeldAtEnd) => {
          const pressure = new Pressure(1);
          const { client, taken, faults, connection } = await setUp({ pressure }, pair);
          client.resume();
          pressure.onRelief(() => connection.resume());
          const hold = (isHeld: boolean): void => {
            if (isHeld !== pressure.isHigh) pressure[isHeld ? 'add' : 'remove'](1);
          };
          const sent: Packet[] = packets.map((one, i) => {
            if (one === 'ping') return { cmd: 'pingreq' };
            if ('release' in one) return { cmd: 'pubrel', messageId: one.release };
            return publishPacket('t', one.value, { messageId: i + 1 });
          });
          const all = [connectPacket('dev'), ...sent, { cmd: 'disconnect' } as Packet];
          const bytes = Buffer.concat(all.map((one) => generate(one)));
          let from = 0;
          for (const { cut, isHeld, waits } of stops) {
            hold(isHeld);
            const to = from + (cut % (bytes.length - from));
            client.write(bytes.subarray(from, to));
            from = to;
            if (waits) await new Promise((resolve) => setTimeout(resolve, 1));
          }
          hold(isHeldAtEnd);
          client.end(bytes.subarray(from));
          await new Promise((resolve) => setTimeout(resolve, 1));
          hold(false);
          await until('it has gone', () => connection.client.closed);
          const messages = packets.filter((one) => one !== 'ping');
          expect(taken).toEqual(
            messages.map((one) => ('value' in one ? one.value : `release ${one.release}`)),
          );
          expect(faults).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
  },
);

test('a client that takes no acknowledgements is read no further', async () => {
  const { client, taken } = await setUp();
  client.write(generate(connectPacket('dev')));
  const message = generate(publishPacket('t', 'x'));
  const total = 200_000;
  for (let i = 0; i < total / 1000; i++) client.write(Buffer.concat(Array(1000).fill(message)));
  for (let before = -1; taken.length === 0 || taken.length !== before; ) {
    before = taken.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(taken.length).toBeLessThan(total / 2);
  client.resume();
  await until('all is read', () => taken.length === total);
});

test('packets that never become complete are bounded over all connections: the host that holds most gives up its largest', async () => {
  const partial = new PartialPackets<MqttConnection>(10_000);
  const half = (bytes: number) =>
    Buffer.concat([
      generate(connectPacket('dev')),
      generate(publishPacket('t', Buffer.alloc(50_000))).subarray(0, bytes),
    ]);
  const from = (address: string) => async (): Promise<[Duplex, MqttSocket]> => {
    const [client, end] = duplexPair();
    return [client, Object.assign(end, { remoteAddress: address, remotePort: 0 })];
  };
  const greedy = await setUp({ partial }, from('greedy'));
  greedy.client.write(half(8000));
  await until('it is held', () => partial.bytes === 8000);
  const modest = await setUp({ partial }, from('modest'));
  modest.client.write(half(3000));
  await until('the larger one is refused', () => greedy.faults.length === 1);
  expect(greedy.faults[0]).toMatch(/not complete/);
  expect(partial.bytes).toBe(3000);
  expect(modest.faults).toEqual([]);
  modest.client.destroy();
  await until('its bytes are given back', () => partial.bytes === 0);
});
