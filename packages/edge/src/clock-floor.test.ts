import { openLogStore } from '@edgelog/log';
import { iterateRecords } from '@edgelog/wire';
import { expect, onTestFinished, test } from 'vitest';
import { GatewayClock } from './clock.ts';
import { sourceHeaders } from './reading.ts';
import { streamsOn, temporaryDir, until } from './testing/fixture.ts';

const TOPIC = 'telemetry';
const HEADERS = sourceHeaders('gw', 'test');
const TRUE_MS = Date.UTC(2026, 10, 22);
const YEARS_MS = 11 * 365 * 86_400_000;
const segmentBytes = 2 ** 20;

/** A gateway's streams with their uplink up, and a clock whose error is `system.errorMs`. */
async function open(dir: string, system: { errorMs: number; monotonicMs: number }, lingerMs = 0) {
  const store = await openLogStore({ dir, segmentBytes });
  const clock = new GatewayClock({
    wallMs: () => TRUE_MS + system.monotonicMs + system.errorMs,
    monotonicMs: () => system.monotonicMs,
  });
  const { streams } = streamsOn(store, dir, segmentBytes, { lingerMs, clock, isUplinkLive: () => true });
  streams.armLinger();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= streams.close().then(() => store.close()));
  onTestFinished(close);
  const append = (value: string) =>
    streams.append(TOPIC, { key: 'k', value: Buffer.from(value), headers: HEADERS }).durable;
  const log = () => store.partition(TOPIC)!;
  // As when the uplink comes up: what the log held open has no timer of its own.
  const sealed = () => {
    streams.armLinger();
    return until('all is sealed', () => log().flushedEndOffset === log().tailEndOffset);
  };
  const records = () => {
    const found: { value: string; timestamp: number; isUntrusted: boolean }[] = [];
    for (const batch of log().read(0, { maxBytes: 2 ** 20 }).batches) {
      for (const { value, timestamp, headers } of iterateRecords(batch)) {
        const isUntrusted = headers.some(({ key }) => key === 'edgelog.clock');
        found.push({ value: value!.toString(), timestamp, isUntrusted });
      }
    }
    return found;
  };
  return { append, clock, close, log, records, sealed };
}

test('a clock that was years ahead for a moment: what came then says that it is not trusted, and nothing after it is stamped so', async () => {
  const dir = temporaryDir();
  const system = { errorMs: 0, monotonicMs: 0 };
  const first = await open(dir, system);
  await first.append('right, but nobody knows');
  system.errorMs = YEARS_MS;
  await first.append('years ahead');
  system.errorMs = 0;
  await first.append('right again, but nobody knows: held');
  first.clock.onHubTime(TRUE_MS + system.monotonicMs, 0);
  await first.append('the hub has handed out its time');
  await first.sealed();
  await first.close();

  // After the restart there is no hub: time goes on from the record that was taken last, not from the latest time ever given.
  system.monotonicMs = 60_000;
  const second = await open(dir, system);
  await second.append('after a restart');
  await second.sealed();
  expect(second.records().map(({ timestamp, isUntrusted }) => [timestamp - TRUE_MS, isUntrusted])).toEqual([
    [0, true],
    [YEARS_MS, true],
    [YEARS_MS, true],
    [0, false],
    [60_000, true],
  ]);
  // A look-up by time goes by the running maximum, as Kafka's does: nothing at or after a time lies before its answer.
  expect(second.log().offsetForTimestamp(TRUE_MS)).toEqual({ offset: 0, timestamp: TRUE_MS });
  expect(second.log().offsetForTimestamp(TRUE_MS + 1)).toEqual({ offset: 1, timestamp: TRUE_MS + YEARS_MS });
});

test.each([
  { newest: 'sealed', lingerMs: 0 },
  { newest: 'not sealed yet', lingerMs: 3_600_000 },
])(
  'timestamps before NTP: a gateway that starts in 1970 goes on from its newest record, which was $newest',
  async (first) => {
    const dir = temporaryDir();
    const system = { errorMs: 0, monotonicMs: 0 };
    const before = await open(dir, system, first.lingerMs);
    await before.append('a');
    if (first.newest === 'sealed') await before.sealed();
    await before.close();
    system.errorMs = -TRUE_MS;
    const second = await open(dir, system);
    system.monotonicMs += 5000;
    await second.append('b');
    await second.sealed();
    expect(second.records().map(({ timestamp }) => timestamp - TRUE_MS)).toEqual([0, 5000]);
  },
);
