import { createServer, type Server } from 'node:net';
import { listen, silentLogger } from '@edgelog/runtime';
import { Aedes } from 'aedes';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Fleet, type FleetOptions } from './fleet.ts';

const payload = z.object({
  device: z.string(),
  boot: z.string(),
  seq: z.int().min(0),
  time: z.iso.datetime(),
});

let broker: Aedes;
let server: Server;
let port: number;
/** Sequence numbers in order of arrival, by device and boot. */
let received: Map<string, number[]>;
beforeAll(async () => {
  broker = await Aedes.createBroker();
  broker.on('publish', ({ payload: bytes }, client) => {
    if (client === null) return;
    const { device, boot, seq } = payload.parse(JSON.parse(bytes.toString()));
    const key = `${device} ${boot}`;
    received.set(key, [...(received.get(key) ?? []), seq]);
  });
  server = createServer(broker.handle);
  port = await listen(server, { host: '127.0.0.1', port: 0 }, '--mqtt');
});
beforeEach(() => {
  received = new Map();
});
afterAll(async () => {
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  server.close();
});

const createFleet = (options: Partial<FleetOptions>) =>
  new Fleet({
    mqtt: { host: '127.0.0.1', port },
    devices: 4,
    rate: 0,
    count: 200,
    qos: 1,
    outage: undefined,
    seed: 1,
    site: 'test',
    windowSize: 16,
    log: silentLogger,
    ...options,
  });
const complete = (count: number) => Array.from({ length: count }, (_, seq) => seq);

describe.each([0, 1, 2] as const)('QoS %d', (qos) => {
  test('a count is shared out between the devices and all of it arrives in order', async () => {
    const fleet = createFleet({ qos, devices: 3, count: 200 });
    await fleet.finished;
    expect(fleet.status()).toMatchObject({ sent: 200, acked: 200, lost: 0, connected: 3 });
    await fleet.close();
    await expect.poll(() => [...received.values()].flat().length).toBe(200);
    expect([...received.keys()].map((key) => key.split(' ')[0]).sort()).toEqual([
      'test-line1-humidity',
      'test-line1-temperature',
      'test-line1-vibration',
    ]);
    for (const sequence of received.values()) expect(sequence).toEqual(complete(sequence.length));
  });
});

test('readings taken during outages are sent afterwards, none is missing', async () => {
  const fleet = createFleet({ rate: 100, count: 400, outage: { periodMs: 1_000, durationMs: 300 } });
  await fleet.finished;
  await fleet.close();
  expect(received.size).toBe(4);
  for (const sequence of received.values()) {
    // QoS 1 may repeat what was in flight; the first arrivals are in order.
    const first = sequence.filter((seq, i) => sequence.indexOf(seq) === i);
    expect(first).toEqual(complete(100));
  }
});

test('a rate is kept', async () => {
  const fleet = createFleet({ rate: 50, count: undefined });
  const from = performance.now();
  await expect.poll(() => fleet.status().sent).toBeGreaterThan(200);
  const seconds = (performance.now() - from) / 1000;
  const { sent } = fleet.status();
  await fleet.close();
  expect(sent).toBeLessThan(4 * 50 * (seconds + 0.5));
});
