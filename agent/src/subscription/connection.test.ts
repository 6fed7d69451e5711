import mqtt from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { Qos2Window } from '../mqtt/qos2.ts';
import { temporaryDir, until } from '../testing/fixture.ts';
import { mosquitto } from '../testing/mosquitto.ts';
import { BrokerConnection } from './connection.ts';

const KEEP_ALIVE_SECONDS = 5;

test('a disk that takes nothing for longer than the keep-alive: the connection stands, and goes on where it was', async () => {
  const broker = await mosquitto(temporaryDir());
  const client = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
    keepalive: KEEP_ALIVE_SECONDS,
    reconnectPeriod: 0,
    manualConnect: true,
  });
  const seen = { taken: [] as string[], isHeldUp: true, isSubscribed: false, ends: 0, pings: 0 };
  client.on('packetsend', ({ cmd }) => {
    if (cmd === 'pingreq') seen.pings++;
  });
  client.on('connect', () => {
    client.subscribe('t', { qos: 1 }, () => {
      seen.isSubscribed = true;
    });
  });
  const none = { get: () => undefined, put: () => {}, delete: () => {}, entries: () => [] };
  const connection = new BrokerConnection(client, {
    windowId: 'w',
    isPersistent: false,
    qos2: new Qos2Window(none),
    take: async ({ payload }) => void seen.taken.push(`${payload}`),
    committed: () => Promise.resolve(),
    isHeldUp: () => seen.isHeldUp,
    onConnack: () => {},
    onHeld: () => {},
    onEnd: () => void seen.ends++,
  });
  connection.open();
  onTestFinished(() => connection.close());
  await until('it is subscribed', () => seen.isSubscribed);
  await broker.publishLines(['1', '2'], '-t', 't', '-q', '1');
  await until('the first is taken', () => seen.taken.length === 1);
  // mqtt.js gives up after one and a half keep-alive intervals without an answer that it has read.
  await until('it has pinged for longer than that, or ended', () => seen.pings >= 4 || seen.ends > 0);
  expect(seen.ends).toBe(0);
  seen.isHeldUp = false;
  connection.resume();
  await until('the second is taken', () => seen.taken.length === 2);
  expect(seen.taken).toEqual(['1', '2']);
});
