import { nodeTimers } from '@edgelog/base';
import { type LogStore, openLogStore } from '@edgelog/log';
import { isReservedProducerId, iterateRecords, readBatchHeader, sequenceOf } from '@edgelog/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sourceHeaders } from './reading.ts';
import type { Stream, StreamSet, StreamSetOptions } from './stream-set.ts';
import { loadStreamStates } from './stream-state.ts';
import { streamsOn, temporaryDir, until } from './testing/fixture.ts';
import { TopicPolicies, topicPolicySchema } from './topic-policy.ts';
import type { UplinkRun } from './uplink-run.ts';

const TOPIC = 'telemetry';
const HEADERS = sourceHeaders('gw', 'test');

interface Opened {
  store: LogStore;
  streams: StreamSet;
  uplink: { live: boolean };
  clock: { now: number };
  append(value: string): { offset: number; durable: Promise<void> };
  close(): Promise<void>;
}

async function open(dir: string, given: Partial<StreamSetOptions> = {}): Promise<Opened> {
  const store = await openLogStore({ dir, segmentBytes: 2 ** 20 });
  const uplink = { live: false };
  const clock = { now: 1_700_000_000_000 };
  const { streams } = streamsOn(store, dir, 2 ** 20, {
    compression: 'zstd',
    clock: { now: () => clock.now, isTrusted: false, raiseFloor: () => {} },
    isUplinkLive: () => uplink.live,
    ...given,
  });
  return {
    store,
    streams,
    uplink,
    clock,
    append: (value) => streams.append(TOPIC, { key: 'k', value: Buffer.from(value), headers: HEADERS }),
    close: async () => {
      await streams.close();
      await store.close();
    },
  };
}

/** Seals all there is and reads it back; checks what every log must hold to. */
async function readAll({ store, streams, uplink }: Opened): Promise<string[]> {
  uplink.live = true;
  streams.armLinger();
  const log = store.partition(TOPIC)!;
  await streams.flush();
  await until('all is sealed', () => log.flushedEndOffset === log.tailEndOffset);
  const values: string[] = [];
  let timestamp = 0;
  for (let offset = log.logStartOffset; offset < log.flushedEndOffset; ) {
    for (const batch of log.read(offset, { maxBytes: 4096 }).batches) {
      const header = readBatchHeader(batch);
      expect(header.baseOffset).toBe(offset);
      expect(header.baseSequence).toBe(sequenceOf(offset));
      expect(isReservedProducerId(header.producerId)).toBe(true);
      for (const record of iterateRecords(batch)) {
        expect(record.timestamp).toBeGreaterThanOrEqual(timestamp);
        timestamp = record.timestamp;
        values.push(record.value!.toString());
      }
      offset = header.lastOffset + 1;
    }
  }
  uplink.live = false;
  return values;
}

describe('a stream', () => {
  test('holds what was appended, in order, over turns, seals, restarts and a clock that jumps', async () => {
    const step = fc.oneof(
      {
        weight: 10,
        arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.integer({ min: 1, max: 600 }) }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('turn' as const, 'wait' as const) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('live' as const, 'cut' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'clock back' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const dir = temporaryDir();
        let opened = await open(dir);
        const appended: string[] = [];
        let durable: Promise<void> = Promise.resolve();
        for (const one of steps) {
          switch (one.do) {
            case 'append': {
              const value = `${appended.length}:`.padEnd(one.bytes, 'x');
              const result = opened.append(value);
              expect(result.offset).toBe(appended.length);
              durable = result.durable;
              appended.push(value);
              break;
            }
            case 'turn':
              await new Promise((resolve) => setImmediate(resolve));
              break;
            case 'wait':
              await durable;
              break;
            case 'live':
            case 'cut':
              opened.uplink.live = one.do === 'live';
              opened.streams.armLinger();
              break;
            case 'clock back':
              opened.clock.now -= 60_000;
              break;
            case 'restart':
              await opened.close();
              opened = await open(dir);
          }
        }
        if (appended.length > 0) expect(await readAll(opened)).toEqual(appended);
        await opened.close();
      }),
      { numRuns: 40 },
    );
  });

  test('while the uplink is down, size alone seals', async () => {
    const opened = await open(temporaryDir());
    const log = () => opened.store.partition(TOPIC)!;
    await opened.append('small').durable;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([log().flushedEndOffset, log().tailEndOffset]).toEqual([0, 1]);
    for (let i = 0; i < 20; i++) await opened.append('x'.repeat(100)).durable;
    await until('a batch was sealed', () => log().flushedEndOffset > 0);
    await opened.close();
  });

  test('an alarm waited two seconds for company, since a backlog of lower priority filled the uplink: it does not any more', async () => {
    const waits: number[] = [];
    const after = (ms: number, run: () => void) => {
      waits.push(ms);
      return nodeTimers.after(ms, run);
    };
    const opened = await open(temporaryDir(), {
      lingerMs: 100,
      timers: { ...nodeTimers, after },
      monotonicMs: () => 0,
      policies: new TopicPolicies([topicPolicySchema.parse({ topic: 'alarms', priority: 10 })]),
      isUplinkLive: () => true,
      isUplinkCongested: (priority) => priority < 10,
    });
    waits.length = 0;
    const reading = { key: 'k', value: Buffer.from('x'), headers: HEADERS };
    for (const topic of [TOPIC, 'alarms']) void opened.streams.append(topic, reading);
    expect(waits).toEqual([2_000, 100]);
    await opened.close();
  });

  test('what one turn brings in bulk is sealed and never staged', async () => {
    const opened = await open(temporaryDir());
    const appends = Array.from({ length: 100 }, () => opened.append('x'.repeat(500)));
    await Promise.all(appends.map(({ durable }) => durable));
    const log = opened.store.partition(TOPIC)!;
    expect(log.flushedEndOffset).toBeGreaterThan(95);
    await opened.close();
  });

  test('time does not run backwards over a restart, even if nothing of the log is left', async () => {
    const dir = temporaryDir();
    const before = await open(dir);
    await before.append('a').durable;
    await before.close();
    const after = await open(dir);
    after.clock.now -= 3_600_000;
    await after.append('b').durable;
    expect(await readAll(after)).toEqual(['a', 'b']);
    await after.close();
  });

  test('a reading over the limit is refused and leaves no trace', async () => {
    const opened = await open(temporaryDir());
    expect(() => opened.append('x'.repeat(5000))).toThrow(/limit is 4096/);
    expect(opened.append('y').offset).toBe(0);
    await opened.close();
  });

  test('a key is measured in bytes: a batch over the limit would stop the stream at the hub for good', async () => {
    const opened = await open(temporaryDir());
    const reading = { key: '\u6e29'.repeat(1000), value: Buffer.alloc(2000), headers: HEADERS };
    expect(() => opened.streams.append(TOPIC, reading)).toThrow(/limit is 4096/);
    await opened.close();
  });

  test('nothing is freed ahead of the stored position: killed there, it would not know the batch the hub names', async () => {
    const opened = await open(temporaryDir());
    for (let i = 0; i < 20; i++) await opened.append('x'.repeat(200)).durable;
    const [{ uplink }] = [...opened.streams.list()] as [Stream];
    await until('two batches are sealed', () => uplink.sealedEndOffset >= 8);
    const [run] = [...uplink.runs()] as [UplinkRun];
    const [batch] = run.read(0, 1);
    const { lastOffset, crc } = readBatchHeader(batch!);
    run.acknowledge({ next: lastOffset + 1, crc });
    expect(uplink.logStartOffset).toBe(lastOffset + 1);
    const [stored] = loadStreamStates(opened.store.state);
    expect(stored!.runs[0]!.acked).toEqual({ next: lastOffset + 1, crc });
    await opened.close();
  });
});
