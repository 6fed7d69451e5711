import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLogStore } from '@edgelog/log';
import { iterateRecords, readBatchHeader } from '@edgelog/wire';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { GatewayClock } from './clock.ts';
import { ackedOffset, isDrained, openLane, type RunList, replaceRun, settledOffset } from './runs.ts';
import type { Stream, StreamSetOptions } from './stream-set.ts';
import { loadStreamStates, saveStreamState } from './stream-state.ts';
import { streamsOn, temporaryDir, until } from './testing/fixture.ts';
import type { UplinkRun } from './uplink-run.ts';
import { MAY_BE_SENT_BYTES, SentBatches } from './uplink-sent.ts';

const TOPIC = 'telemetry';

async function open(dir: string, given: Partial<StreamSetOptions> = {}) {
  const store = await openLogStore({ dir, segmentBytes: 2 ** 20 });
  const clock = new GatewayClock({ wallMs: Date.now, monotonicMs: () => performance.now() });
  let live = false;
  const { streams, alarms } = streamsOn(store, dir, 2 ** 20, { clock, isUplinkLive: () => live, ...given });
  let next = [...streams.list()][0]?.edge.endOffset ?? 0;
  return {
    store,
    streams,
    alarms,
    get stream(): Stream {
      return [...streams.list()][0]!;
    },
    runs: (): UplinkRun[] => [...streams.list()].flatMap(({ uplink }) => [...uplink.runs()]),
    async append(count: number, bytes = 300): Promise<void> {
      const all = Array.from({ length: count }, () => {
        const value = Buffer.from(`${next++}`.padEnd(bytes, ' '));
        return streams.append(TOPIC, { key: 'k', value, headers: [] }).durable;
      });
      await Promise.all(all);
    },
    async sealAll(): Promise<void> {
      live = true;
      streams.armLinger();
      const log = store.partition(TOPIC)!;
      await until('all is sealed', () => log.flushedEndOffset === log.tailEndOffset);
      live = false;
    },
    async close(): Promise<void> {
      await streams.close();
      await store.close();
    },
  };
}
type Opened = Awaited<ReturnType<typeof open>>;

/** What of the run would travel, as numbers; checks that it is whole and its own. */
function contentOf(run: UplinkRun): number[] {
  const numbers: number[] = [];
  for (let offset = run.run.firstOffset; offset < run.sealedEndOffset; ) {
    const batches = run.read(offset, 4096);
    if (batches.length === 0) break;
    for (const batch of batches) {
      const header = readBatchHeader(batch);
      expect([header.baseOffset, header.producerId]).toEqual([offset, run.run.producerId]);
      for (const record of iterateRecords(batch)) numbers.push(Number(record.value!.toString()));
      offset = header.lastOffset + 1;
    }
    expect(run.crcEndingAt(offset)).toBe(readBatchHeader(batches.at(-1)!).crc);
  }
  return numbers;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function acknowledgeAll(run: UplinkRun): void {
  for (let offset = ackedOf(run); offset < run.sealedEndOffset; ) {
    const { lastOffset, crc } = readBatchHeader(run.read(offset, 1)[0]!);
    offset = lastOffset + 1;
    run.acknowledge({ next: offset, crc });
  }
}
const ackedOf = (run: UplinkRun) => run.acked?.next ?? run.run.firstOffset;

async function withLane(dir: string): Promise<Opened> {
  const opened = await open(dir);
  await opened.append(20);
  await opened.append(1);
  expect(opened.stream.uplink.openLane()).toBe(true);
  await until('the new run is on disk', () => opened.runs().length === 2);
  await opened.append(5);
  await opened.sealAll();
  return opened;
}

test('a lane: fresh readings are another run beside the backlog, nothing of both is lost or in both', async () => {
  const opened = await withLane(temporaryDir());
  const [backlog, live] = opened.runs() as [UplinkRun, UplinkRun];
  expect([backlog.isBacklog, live.isBacklog]).toEqual([true, false]);
  expect([...contentOf(backlog), ...contentOf(live)]).toEqual(range(0, 26));
  expect(contentOf(live).length).toBeGreaterThanOrEqual(5);
  await opened.close();
});

test('a status page that asks every two seconds how old the backlog is reads the same batch once, not each time', async () => {
  const opened = await withLane(temporaryDir());
  const { log } = opened.stream.edge;
  const read = vi.spyOn(log, 'read');
  const { uplink } = opened.stream;
  const ask = () => [uplink.oldestUnackedTimestamp(), uplink.backlog().since];
  const first = ask();
  expect(first.every((at) => at! > 0)).toBe(true);
  const reads = read.mock.calls.length;
  for (let i = 0; i < 10; i++) expect(ask()).toEqual(first);
  expect(read).toHaveBeenCalledTimes(reads);
  acknowledgeAll(opened.runs()[0]!);
  expect(uplink.oldestUnackedTimestamp()).toBe(uplink.backlog().since);
  await opened.close();
});

test('what the live lane has acknowledged frees nothing while the backlog is not through', async () => {
  const opened = await withLane(temporaryDir());
  const [backlog, live] = opened.runs() as [UplinkRun, UplinkRun];
  acknowledgeAll(live);
  expect(opened.stream.uplink.logStartOffset).toBe(0);
  expect(opened.stream.uplink.unacked.records).toBe(live.run.firstOffset);
  acknowledgeAll(backlog);
  expect(opened.stream.uplink.logStartOffset).toBe(26);
  expect(opened.stream.uplink.unacked).toEqual({ records: 0, bytes: 0 });
  await opened.close();
});

test('killed with two runs under way, both go on where they stood, and the open batch of the old one is not mixed with the new', async () => {
  const dir = temporaryDir();
  const first = await open(dir);
  await first.append(3, 100);
  expect(first.stream.uplink.openLane()).toBe(false);
  await first.append(20);
  first.stream.uplink.openLane();
  await until('the new run is on disk', () => first.runs().length === 2);
  const before = first.runs().map(({ run }) => run);
  await first.close();
  const second = await open(dir);
  expect(second.runs().map(({ run }) => run)).toEqual(before);
  await second.append(7, 100);
  await second.sealAll();
  const [backlog, live] = second.runs() as [UplinkRun, UplinkRun];
  expect(contentOf(backlog)).toEqual(range(0, live.run.firstOffset));
  expect(contentOf(live)).toEqual(range(live.run.firstOffset, 30));
  await second.close();
});

test('a lane whose start was not on disk before the kill never was', async () => {
  const opened = await open(temporaryDir());
  await opened.append(20);
  await opened.sealAll();
  await opened.append(1);
  opened.stream.uplink.openLane();
  expect(opened.runs()).toHaveLength(1);
  await until('the new run is on disk', () => opened.runs().length === 2);
  await opened.close();
});

test('a hub that lost the live lane gets it again, the backlog goes on undisturbed', async () => {
  const opened = await withLane(temporaryDir());
  const [backlog, live] = opened.runs() as [UplinkRun, UplinkRun];
  acknowledgeAll(live);
  expect(await live.startNewRun('hub-lost-data', undefined)).toBeUndefined();
  const [first, second] = opened.runs() as [UplinkRun, UplinkRun];
  expect(first).toBe(backlog);
  expect(second.run).toMatchObject({ firstOffset: live.run.firstOffset });
  expect(second.run.producerId).not.toBe(live.run.producerId);
  expect([...contentOf(first), ...contentOf(second)]).toEqual(range(0, 26));
  await opened.close();
});

test('drop-oldest takes the backlog: declared to the offset when the hub has said what it has, the live lane goes on', async () => {
  const opened = await withLane(temporaryDir());
  const [backlog, live] = opened.runs() as [UplinkRun, UplinkRun];
  const { lastOffset, crc } = readBatchHeader(backlog.read(0, 1)[0]!);
  opened.stream.uplink.dropTo(live.run.firstOffset);
  const hub = { next: lastOffset + 1, crc };
  expect(backlog.crcEndingAt(hub.next)).toBe(crc);
  expect(await backlog.startNewRun('dropped', hub)).toMatchObject({
    ...{ from: hub.next, to: live.run.firstOffset, reason: 'dropped' },
  });
  expect(opened.runs().filter(({ ended }) => !ended)).toEqual([live]);
  await opened.close();
});

test('one poison batch is set aside with its bytes, and the rest of its run goes on behind it', async () => {
  const kept: Buffer[] = [];
  const opened = await open(temporaryDir(), { keepAside: async ({ batch }) => void kept.push(batch) });
  await opened.append(20);
  await opened.sealAll();
  const [run] = opened.runs() as [UplinkRun];
  const first = readBatchHeader(run.read(0, 1)[0]!);
  const poison = run.read(first.lastOffset + 1, 1)[0]!;
  const { baseOffset, lastOffset } = readBatchHeader(poison);
  const gap = await run.setAside(
    { offset: baseOffset, code: 'corrupt-batch', message: 'the hub says so' },
    { next: first.lastOffset + 1, crc: first.crc },
  );
  expect(gap).toMatchObject({ from: baseOffset, to: lastOffset + 1, reason: 'refused' });
  expect(opened.streams.gaps.list()).toEqual([gap]);
  expect(kept).toEqual([poison]);
  const next = opened.runs().at(-1)!;
  expect(contentOf(next)).toEqual(range(lastOffset + 1, 20));
  acknowledgeAll(next);
  expect(opened.stream.uplink.ackedOffset).toBe(20);
  await opened.close();
});

/** Bits rot wherever `value` is on the disk; who has the files open sees it. */
function rot(dir: string, value: string): void {
  const folder = join(dir, 'segments');
  let hits = 0;
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.mdb'))) {
    const bytes = readFileSync(join(folder, name));
    for (let at = bytes.indexOf(value); at >= 0; at = bytes.indexOf(value, at + 1)) {
      if (/[0-9]/.test(String.fromCharCode(bytes[at - 1]!))) continue;
      bytes[at] = 0x58;
      hits++;
    }
    writeFileSync(join(folder, name), bytes, { flag: 'r+' });
  }
  expect(hits).toBeGreaterThan(0);
}

test('a batch that rots on the disk while it travels is still known by its CRC: the hub that has it is understood, and nothing is sent twice', async () => {
  const dir = temporaryDir();
  const opened = await open(dir);
  await opened.append(20);
  await opened.sealAll();
  const [run] = opened.runs() as [UplinkRun];
  const first = readBatchHeader(run.read(0, 1)[0]!);
  const second = readBatchHeader(run.read(first.lastOffset + 1, 1)[0]!);
  rot(dir, `${second.baseOffset} `.padEnd(100));
  expect(() => run.read(second.baseOffset, 1)).toThrow(/CRC/);
  expect(opened.runs()).toEqual([run]);
  const hub = { next: second.lastOffset + 1, crc: second.crc };
  expect(run.crcEndingAt(hub.next)).toBe(hub.crc);
  opened.stream.uplink.dropTo(hub.next);
  expect(run.crcEndingAt(hub.next)).toBe(hub.crc);
  expect([...opened.stream.state.dropped].map(({ next }) => next)).toEqual([first.lastOffset + 1, hub.next]);
  run.acknowledge(hub);
  expect([...run.sent]).toEqual([]);
  await opened.close();
});

test('damage in what a hub lost and gets again ends the run where the hub stands, not where it once stood', async () => {
  const dir = temporaryDir();
  const opened = await open(dir, { replayBytes: 2 ** 20 });
  await opened.append(20);
  await opened.sealAll();
  const [run] = opened.runs() as [UplinkRun];
  acknowledgeAll(run);
  await opened.append(5);
  await opened.sealAll();
  const { lastOffset, crc } = readBatchHeader(run.read(0, 1)[0]!);
  const hub = { next: lastOffset + 1, crc };
  run.unreadable(hub.next, hub);
  expect(opened.runs()).toEqual([run]);
  const { lastOffset: lastLost } = readBatchHeader(run.read(hub.next, 1)[0]!);
  rot(dir, `${hub.next} `.padEnd(100));
  run.unreadable(hub.next, hub);
  await until('the new run is on disk', () => opened.runs().length === 2);
  const [before, behind] = opened.runs() as [UplinkRun, UplinkRun];
  expect(before).toMatchObject({ acked: hub, sealedEndOffset: hub.next });
  expect(opened.streams.gaps.list()).toMatchObject([
    { from: hub.next, to: lastLost + 1, reason: 'quarantined' },
  ]);
  expect(contentOf(behind)).toEqual(range(lastLost + 1, 25));
  expect(opened.stream.uplink.ackedOffset).toBe(lastLost + 1);
  await opened.close();
});

test('no more ends of sent batches are remembered than a hub gives credit for', () => {
  const sent = new SentBatches();
  const each = MAY_BE_SENT_BYTES / 4;
  for (let next = 1; next <= 6; next++) sent.add({ next, crc: next }, each);
  expect([...sent].map(({ next }) => next)).toEqual([2, 3, 4, 5, 6]);
  sent.add({ next: 3, crc: 3 }, each);
  sent.settle(2);
  expect([...sent].map(({ next }) => next)).toEqual([4, 5, 6, 3]);
});

test('the state of an agent before there were lanes is taken up', async () => {
  const opened = await open(temporaryDir());
  await opened.append(1);
  const [state] = loadStreamStates(opened.store.state);
  const { runs, dropped: _, ...rest } = state!;
  const { end: __, acked, ...run } = runs[0]!;
  saveStreamState(opened.store.state, { ...rest, version: 1, run, acked } as never);
  expect(loadStreamStates(opened.store.state)).toEqual([state]);
  await opened.close();
});

test('runs stay in order and apart, and nothing is settled that is neither acknowledged nor declared lost', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('lane' as const) }),
    fc.record({ do: fc.constant('grow' as const), by: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ do: fc.constant('ack' as const), which: fc.nat(), by: fc.integer({ min: 1, max: 30 }) }),
    fc.record({
      do: fc.constant('replace' as const),
      which: fc.nat(),
      reason: fc.constantFrom('hub-lost-data' as const, 'hub-ahead' as const, 'crc-mismatch' as const),
      hub: fc.nat(40),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const list: RunList = {
        runs: [{ producerId: 0, firstOffset: 0, end: null, acked: null }],
        heldFrom: 0,
      };
      let [end, ids] = [0, 1];
      const held = new Set<number>();
      for (const one of steps) {
        if (one.do === 'grow') end += one.by;
        else if (one.do === 'lane') {
          if (end > ackedOffset(list.runs.at(-1)!)) openLane(list, end, ids++);
        } else {
          const run = list.runs[one.which % list.runs.length]!;
          if (one.do === 'ack') {
            const next = Math.min(run.end ?? end, ackedOffset(run) + one.by);
            if (run.isClosed || next <= ackedOffset(run)) continue;
            for (let offset = run.firstOffset; offset < next; offset++) held.add(offset);
            run.acked = { next, crc: next };
          } else {
            const hub = one.hub <= run.firstOffset ? undefined : { next: one.hub, crc: 1 };
            const logStartOffset = settledOffset(list);
            const o = { reason: one.reason, hub, logStartOffset, producerId: ids++ };
            const lost = replaceRun(list, run, o);
            for (let offset = lost?.from ?? 0; offset < (lost?.to ?? 0); offset++) held.add(offset);
          }
        }
        const going = list.runs.filter(({ isClosed }) => !isClosed);
        for (const [i, run] of going.entries()) {
          const next = going[i + 1];
          if (next !== undefined) expect(run.end).toBeLessThanOrEqual(next.firstOffset);
        }
        expect(isDrained(list.runs.at(-1)!)).toBe(false);
        for (let offset = 0; offset < settledOffset(list); offset++) expect(held).toContain(offset);
      }
    }),
  );
});
