import { Alarms } from '@edgelog/edge';
import { silentLogger } from '@edgelog/runtime';
import { expect, test } from 'vitest';
import { temporaryDir, testAgent } from '../testing/fixture.ts';
import { RawMqtt } from '../testing/raw-mqtt.ts';
import { ClientIdWatch } from './client-id-watch.ts';

test('identical client ids kick each other (rtl_433): an alarm names the id and where both connect from', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  for (let i = 0; i < 5; i++) await RawMqtt.connect(agent.mqttPort, 'rtl_433');
  expect(agent.status().alarms.map(({ message }) => message)).toEqual([
    expect.stringMatching(/"rtl_433" is used by two clients, at 127\.0\.0\.1:\d+ and at 127\.0\.0\.1:\d+/),
  ]);
});

test('a device that lost its network now and then is no alarm, and an alarm ends when the two have stopped', () => {
  const alarms = new Alarms(silentLogger);
  const watch = new ClientIdWatch(alarms);
  let now = 0;
  for (let i = 0; i < 100; i++) {
    watch.takenOver('dev', 'a', 'b', now);
    now += 30_000;
    watch.forget(now);
  }
  expect(alarms.list()).toEqual([]);
  for (let i = 0; i < 10; i++) watch.takenOver('dev', 'a', 'b', now + i);
  expect(alarms.list()).toHaveLength(1);
  watch.forget(now + 4 * 60_000);
  expect(alarms.list()).toHaveLength(1);
  watch.forget(now + 6 * 60_000);
  expect(alarms.list()).toEqual([]);
});
