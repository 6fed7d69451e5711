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

/** A clock, and what waits for it. */
function testClock() {
  let now = 0;
  const due: { at: number; run: () => void }[] = [];
  const timers = {
    after: (ms: number, run: () => void) => {
      due.push({ at: now + ms, run });
      return () => {};
    },
    soon: () => () => {},
  };
  const pass = (ms: number) => {
    for (const end = now + ms; ; ) {
      const next = due.findIndex(({ at }) => at <= end);
      if (next < 0) {
        now = end;
        return;
      }
      const [{ at, run }] = due.splice(next, 1) as [{ at: number; run: () => void }];
      now = at;
      run();
    }
  };
  return { timers, pass, monotonicMs: () => now, due };
}

test('a device that lost its network now and then is no alarm, and an alarm ends when the two have stopped, though nobody connects any more', () => {
  const { timers, pass, monotonicMs, due } = testClock();
  const alarms = new Alarms(silentLogger);
  const watch = new ClientIdWatch(alarms, monotonicMs, timers);
  for (let i = 0; i < 100; i++) {
    watch.takenOver('dev', 'a', 'b');
    pass(30_000);
  }
  expect(alarms.list()).toEqual([]);
  for (let i = 0; i < 10; i++) {
    watch.takenOver('dev', 'a', 'b');
    pass(1);
  }
  expect(alarms.list()).toHaveLength(1);
  pass(4 * 60_000);
  expect(alarms.list()).toHaveLength(1);
  pass(2 * 60_000);
  expect(alarms.list()).toEqual([]);
  expect(due).toEqual([]);
});
