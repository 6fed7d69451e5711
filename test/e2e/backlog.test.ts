import { randomBytes, randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { checkDelivery } from '../harness/check-delivery.ts';
import { consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { System } from '../harness/system.ts';

const PAYLOAD_BYTES = 500;
/** Messages of an outage before the one that counts: by then the heap has the size that taking and draining need. */
const WARM_UP = 100_000;
const BACKLOG = WARM_UP + 200_000;
/** Half of what was published meanwhile: memory that grew with the backlog would take all of it, and more. */
const GROWTH_ALLOWED = ((BACKLOG - WARM_UP) * PAYLOAD_BYTES) / 2;
/** Text that does not compress, to cut payloads from. */
const noise = randomBytes(2 ** 20).toString('base64');
let system: System;

beforeAll(async () => {
  system = await (await System.create()).start();
});

afterAll(async () => {
  await system?.stop();
});

test('unresponsive for minutes while draining (Mosquitto), out of memory on or after long outage (EdgeX, Fluent Bit): 200,000 messages of an outage arrive in order, once, memory stays flat and ingest goes on', async () => {
  onTestFailed(() => void process.stderr.write(system.output()));
  await system.setUplinkPaused(true);
  const loads = Array.from({ length: 4 }, (_, index) => {
    const clientId = `c${index}`;
    const payload = (n: number): Buffer => {
      const from = randomInt(noise.length - PAYLOAD_BYTES);
      return Buffer.from(`${clientId}:${n}:${noise.slice(from, from + PAYLOAD_BYTES)}`);
    };
    return { clientId, load: new MqttLoad({ port: system.ports.mqtt, clientId, window: 100, payload }) };
  });
  const publish = async (total: number): Promise<number> => {
    const start = performance.now();
    const before = loads.reduce((sum, { load }) => sum + load.acked.length, 0);
    await Promise.all(loads.map(({ load }) => load.run(total / loads.length)));
    return ((total - before) / (performance.now() - start)) * 1000;
  };

  await publish(WARM_UP);
  await system.setUplinkPaused(false);
  await system.drained(200_000);
  await system.setUplinkPaused(true);
  const warm = system.agent!.privateBytes();
  const offlineRate = await publish(BACKLOG);
  const full = system.agent!.privateBytes();
  expect(full - warm).toBeLessThan(GROWTH_ALLOWED);
  const [stream] = (await system.agentStatus()).streams;
  expect(stream!.lagRecords).toBe(BACKLOG - WARM_UP);

  await system.setUplinkPaused(false);
  const drainingRate = await publish(BACKLOG + 50_000);
  expect(drainingRate / offlineRate, 'ingest rate while draining, relative to offline').toBeGreaterThan(0.1);
  await system.drained(200_000);
  expect(system.agent!.privateBytes() - warm).toBeLessThan(GROWTH_ALLOWED);
  checkDelivery(await consumeAll(system.bootstrap, 'telemetry'), loads);
}, 600_000);
