import { expect, test } from 'vitest';
import { temporaryDir, testAgent } from '../testing/fixture.ts';
import { RawMqtt } from '../testing/raw-mqtt.ts';
import { FILTER_BYTES_MAX, FILTERS_MAX } from './filter-limit.ts';

test.each([true, false])(
  'a client (clean: %s) has so many filters and no more, and asking again for one it has is free',
  async (clean) => {
    const agent = await testAgent({ dataDir: temporaryDir() });
    const client = await RawMqtt.connect(agent.mqttPort, 'dev', clean);
    const subscribe = (from: number, count: number) =>
      client.send({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: Array.from({ length: count }, (_, n) => ({ topic: `t/${from + n}`, qos: 1 })),
      });
    const granted = async (answers: number) =>
      (await client.packets('suback', answers)).at(-1) as unknown as { granted: number[] };
    subscribe(0, FILTERS_MAX - 1);
    expect(new Set((await granted(1)).granted)).toEqual(new Set([1]));
    subscribe(0, 1);
    expect((await granted(2)).granted).toEqual([1]);
    subscribe(FILTERS_MAX, 3);
    expect((await granted(3)).granted).toEqual([1, 128, 128]);
    client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['t/0', 't/1'] });
    await client.packets('unsuback', 1);
    subscribe(1, 1);
    expect((await granted(4)).granted).toEqual([1]);
  },
);

test('filters of 64 KiB each are refused from some on: a client takes so much memory with them and no more', async () => {
  const agent = await testAgent({ dataDir: temporaryDir() });
  const client = await RawMqtt.connect(agent.mqttPort, 'dev', false);
  const bytes = 60_000;
  const room = Math.floor(FILTER_BYTES_MAX / bytes);
  for (let n = 0; n <= room; n++) {
    client.send({
      cmd: 'subscribe',
      messageId: n + 1,
      subscriptions: [{ topic: `${n}`.padEnd(bytes, 'x'), qos: 1 }],
    });
  }
  const answers = (await client.packets('suback', room + 1)) as unknown as { granted: number[] }[];
  // The refusal waits for no disk.
  expect(answers.map(({ granted }) => granted[0]).toSorted()).toEqual([...Array(room).fill(1), 128]);
});
