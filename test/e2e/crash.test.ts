import { afterEach, beforeEach, onTestFailed, test } from 'vitest';
import { checkDelivery, labelled } from '../harness/check-delivery.ts';
import { consumeAll } from '../harness/kcat.ts';
import { MqttLoad } from '../harness/mqtt-load.ts';
import { System } from '../harness/system.ts';
import { sleep, until } from '../harness/wait.ts';

const ROUNDS = Number(process.env.EDGELOG_CRASH_ROUNDS ?? 8);
let system: System;

beforeEach(async () => {
  system = await (await System.create()).start();
  onTestFailed(() => void process.stderr.write(system.output()));
});

afterEach(async () => {
  await system?.stop();
});

function startLoads(count: number): { clientId: string; load: MqttLoad; done: Promise<void> }[] {
  return Array.from({ length: count }, (_, index) => {
    const clientId = `c${index}`;
    const load = new MqttLoad({ port: system.ports.mqtt, clientId, window: 20, payload: labelled(clientId) });
    return { clientId, load, done: load.run() };
  });
}

async function finish(loads: ReturnType<typeof startLoads>): Promise<void> {
  await until('each has had some acknowledged', () => loads.every(({ load }) => load.acked.length > ROUNDS));
  for (const { load } of loads) load.stop();
  await Promise.all(loads.map(({ done }) => done));
  await system.drained();
  checkDelivery(await consumeAll(system.bootstrap, 'telemetry'), loads);
}

test.each(['agent', 'hub'] as const)(
  `kill -9 of the %s ${ROUNDS} times under load: every acknowledged message is at the hub, once, in order`,
  async (role) => {
    const loads = startLoads(4);
    const published = () => loads.reduce((sum, { load }) => sum + load.acked.length, 0);
    const delivered = async () =>
      (await system.agentStatus()).streams.reduce((sum, { ackedOffset }) => sum + ackedOffset, 0);
    const progress = role === 'agent' ? published : delivered;
    for (let round = 0; round < ROUNDS; round++) {
      const before = await progress();
      await until('the load goes on', async () => (await progress()) > before);
      await sleep(Math.random() * 500);
      await system[role]!.stop('SIGKILL');
      await (role === 'agent' ? system.startAgent() : system.startHub());
    }
    await finish(loads);
  },
);
