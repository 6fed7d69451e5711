import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { checkDelivery } from '../harness/check-delivery.ts';
import { consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { System } from '../harness/system.ts';

const MIB = 1024 * 1024;
const BACKLOG = 200_000;
/** Messages published before the memory is compared: the heap has its working size by then. */
const WARM_UP = 50_000;
/** Ten times less than the backlog's own bytes, and room for the collector's whims. */
const GROWTH_ALLOWED = 40 * MIB;
let system: System;

beforeAll(async () => {
  system = await (await System.create()).start();
});

afterAll(async () => {
  await system?.stop();
});

test('200,000 messages published while the uplink is cut all arrive in order, once; memory stays flat and ingest goes on', async () => {
  onTestFailed(() => void process.stderr.write(system.output()));
  await system.setUplinkPaused(true);
  const loads = Array.from({ length: 4 }, (_, index) => {
    const clientId = `c${index}`;
    const payload = (n: number): Buffer =>
      Buffer.from(`${clientId}:${n}:`.padEnd(500, Math.random().toString(36)));
    return { clientId, load: new MqttLoad({ port: system.ports.mqtt, clientId, window: 100, payload }) };
  });
  const publish = async (total: number): Promise<number> => {
    const start = performance.now();
    const before = loads.reduce((sum, { load }) => sum + load.acked.length, 0);
    await Promise.all(loads.map(({ load }) => load.run(total / loads.length)));
    return ((total - before) / (performance.now() - start)) * 1000;
  };

  await publish(WARM_UP);
  const warm = system.agent!.privateBytes();
  const offlineRate = await publish(BACKLOG);
  const full = system.agent!.privateBytes();
  expect(full - warm).toBeLessThan(GROWTH_ALLOWED);
  const [stream] = (await system.agentStatus()).streams;
  expect(stream!.lagRecords).toBe(BACKLOG);

  await system.setUplinkPaused(false);
  const drainingRate = await publish(BACKLOG + 50_000);
  expect(drainingRate / offlineRate, 'ingest rate while draining, relative to offline').toBeGreaterThan(0.2);
  await system.drained(120_000);
  expect(system.agent!.privateBytes() - warm).toBeLessThan(GROWTH_ALLOWED);
  checkDelivery(await consumeAll(system.bootstrap, 'telemetry'), loads);
}, 240_000);
