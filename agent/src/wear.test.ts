import { expect, test } from 'vitest';
import { temporaryDir, testAgent } from './testing/fixture.ts';
import { publishPacket, RawMqtt } from './testing/raw-mqtt.ts';

const DEVICES = 8;
const ROUNDS = 60;
const INTERVAL_MS = 150;
/** What the start writes, and what is under way when the counting ends. */
const OTHER_COMMITS = 12;

test('SD card dead in months (Mycodo, IoT Edge): readings that trickle in share commits, as far apart as the setting for long life allows', async () => {
  const agent = await testAgent({ dataDir: temporaryDir(), wear: 'saver' });
  const devices = await Promise.all(
    Array.from({ length: DEVICES }, (_, i) => RawMqtt.connect(agent.mqttPort, `meter-${i}`)),
  );
  const startedAt = performance.now();
  for (let round = 1; round <= ROUNDS; round++) {
    for (const device of devices) {
      device.send(publishPacket('t', `${round}`.padEnd(100), { messageId: round }));
      // Each in a turn of its own.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  await Promise.all(devices.map((device) => device.packets('puback', ROUNDS)));
  const intervals = (performance.now() - startedAt) / INTERVAL_MS;
  const { endOffset } = agent.status().streams[0]!;
  expect(endOffset).toBe(DEVICES * ROUNDS);
  expect(agent.status().log.commits).toBeLessThan(intervals + OTHER_COMMITS);
});
