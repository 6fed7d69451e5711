import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EdgelogError } from '@edgelog/base';
import { type LogStore, openLogStore } from '@edgelog/log';
import { readBatchHeader } from '@edgelog/wire';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Alarms } from './alarms.ts';
import { Disk } from './disk.ts';
import { sourceHeaders } from './reading.ts';
import { Reserve } from './reserve.ts';
import type { Stream, StreamSet } from './stream-set.ts';
import { silentAlarmLog, streamsOn, temporaryDir, until } from './testing/fixture.ts';
import { TopicPolicies, topicPolicySchema } from './topic-policy.ts';

const KIB = 1024;
const SEGMENT_BYTES = 256 * KIB;
const BUDGET_BYTES = 16 * SEGMENT_BYTES;
const HEADERS = sourceHeaders('gw', 'test');

interface Opened {
  store: LogStore;
  disk: Disk;
  alarms: Alarms;
  streams: StreamSet;
  /** The code of what it was refused with, undefined when it is on disk. */
  append(topic: string, valueBytes?: number): Promise<string | undefined>;
  stream(topic: string): Stream;
  close(): Promise<void>;
}

async function open(dir: string, given: { maxBytes?: number; dropOldest?: string[] } = {}): Promise<Opened> {
  const { maxBytes = BUDGET_BYTES, dropOldest = [] } = given;
  const store = await openLogStore({ dir, segmentBytes: SEGMENT_BYTES, journalBytes: SEGMENT_BYTES });
  const alarms = new Alarms(silentAlarmLog);
  const reserve = new Reserve(dir, SEGMENT_BYTES / 2);
  reserve.take();
  const stats = () => store.stats();
  const disk = new Disk({ dir, maxBytes, segmentBytes: SEGMENT_BYTES, stats, reserve, alarms });
  const policy = (topic: string) => topicPolicySchema.parse({ topic, whenFull: 'drop-oldest' });
  const { streams } = streamsOn(store, dir, SEGMENT_BYTES, {
    ...{ disk, alarms, policies: new TopicPolicies(dropOldest.map(policy)) },
    batchBytes: 16 * KIB,
    maxReadingBytes: 100 * KIB,
    isUplinkLive: () => true,
    onFatal: () => {},
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= streams.close().then(() => store.close());
    return closed;
  };
  onTestFinished(close);
  return {
    store,
    disk,
    alarms,
    streams,
    append: async (topic, valueBytes = 8000) => {
      try {
        await streams.append(topic, { key: 'k', value: Buffer.alloc(valueBytes, 'x'), headers: HEADERS })
          .durable;
        return undefined;
      } catch (error) {
        if (!(error instanceof EdgelogError)) throw error;
        return error.code;
      }
    },
    stream: (topic) => [...streams.list()].find(({ state }) => state.topic === topic)!,
    close,
  };
}

/** Bytes on the disk below a directory, from which files may go meanwhile. */
function diskUsage(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).reduce(
    (sum, { parentPath, name }) =>
      sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
    0,
  );
}

/** Appends until the topic is refused; gives how many were taken. */
async function fill({ append }: Opened, topic: string): Promise<number> {
  for (let taken = 0; taken < 5000; taken++) {
    const refused = await append(topic);
    if (refused === undefined) continue;
    expect(refused).toBe('DISK_FULL');
    return taken;
  }
  throw new Error('the disk was never full');
}

/** A hub that has taken everything that is sealed. */
function acknowledgeAll(stream: Stream): void {
  for (const run of stream.uplink.runs()) {
    const { sealedEndOffset: next } = run;
    if (next <= (run.acked?.next ?? run.run.firstOffset)) continue;
    run.acknowledge({ next, crc: run.crcEndingAt(next)! });
  }
}

/** For a topic that drops its oldest: a slow disk may not have freed yet what was dropped. */
async function take(opened: Opened, topic: string): Promise<void> {
  for (
    let refused = await opened.append(topic);
    refused !== undefined;
    refused = await opened.append(topic)
  ) {
    expect(refused).toBe('DISK_FULL');
    await until('what was dropped is freed', () => opened.disk.level !== 'full');
  }
}

describe('a budget that is used up', () => {
  test('limits not honoured (Fluent Bit): what lies on the disk stays within the budget, journal and reserve with it', async () => {
    const dir = temporaryDir();
    const opened = await open(dir);
    await fill(opened, 't');
    expect(diskUsage(dir)).toBeLessThanOrEqual(BUDGET_BYTES);
    expect(opened.disk.status().usedBytes).toBeGreaterThan(BUDGET_BYTES / 2);
    await opened.close();
  });

  test('stuck after full (Mosquitto): once a hub has taken data, readings are taken again, as often as it happens', async () => {
    const opened = await open(temporaryDir());
    let taken = 0;
    for (let round = 0; round < 3; round++) {
      const now = await fill(opened, 't');
      expect(now).toBeGreaterThan(50);
      taken += now;
      expect(opened.alarms.list().map(({ name }) => name)).toEqual(['disk full']);
      const stream = opened.stream('t');
      await until('all is sealed', () => stream.uplink.sealedEndOffset === taken);
      acknowledgeAll(stream);
      await until('there is room again', () => !opened.disk.isFull);
      expect(opened.alarms.list()).toEqual([]);
    }
    await opened.close();
  });

  test('cached rows deleted before they were sent (NanoMQ): a topic that rejects loses nothing that no hub has', async () => {
    const opened = await open(temporaryDir(), { dropOldest: ['other'] });
    await opened.append('t');
    for (let i = 0; i < 900; i++) await take(opened, 'other');
    const { uplink } = opened.stream('t');
    expect(uplink.logStartOffset).toBe(0);
    await until('it is sealed', () => uplink.sealedEndOffset > 0);
    const [run] = [...uplink.runs()];
    expect(readBatchHeader(run!.read(0, 1)[0]!).baseOffset).toBe(0);
    // It has been on its way to a hub, which has said nothing yet.
    for (let i = 0; i < 100; i++) await take(opened, 'other');
    expect(uplink.logStartOffset).toBe(0);
    expect(uplink.ackedOffset).toBe(0);
    expect(opened.streams.droppedOf('t')).toBeUndefined();
    await opened.close();
  });
});

describe('a topic that drops its oldest', () => {
  test('takes readings for ever, within the budget, though another one that rejects has a little in each segment', async () => {
    const dir = temporaryDir();
    const opened = await open(dir, { dropOldest: ['ring*'] });
    let kept = 0;
    for (let i = 0; i < 1500; i++) {
      await take(opened, 'ring.1');
      if (i % 40 === 0 && (await opened.append('small', 100)) === undefined) kept++;
      if (i % 100 === 0) expect(diskUsage(dir)).toBeLessThanOrEqual(BUDGET_BYTES);
    }
    expect(opened.stream('small').uplink.logStartOffset).toBe(0);
    expect(kept).toBeGreaterThan(5);
    expect(opened.stream('ring.1').uplink.logStartOffset).toBeGreaterThan(900);
    await opened.close();
  });

  test.each([0, 16])(
    'takes readings for ever though others, which reject, have filled the disk, and all it has is in the segment that is written (%i)',
    async (filled) => {
      const dir = temporaryDir();
      const opened = await open(dir, { dropOldest: ['ring'] });
      for (let i = 0; i < filled; i++) await opened.append('t');
      await fill(opened, 't');
      for (let i = 0; i < 150; i++) await take(opened, 'ring');
      expect(opened.stream('t').uplink.logStartOffset).toBe(0);
      expect(diskUsage(dir)).toBeLessThanOrEqual(BUDGET_BYTES);
      await opened.close();
    },
  );

  test('drops by TTL nobody can count (IoT Edge): each has its range, its count, and a gap that is kept until a hub has it', async () => {
    const dir = temporaryDir();
    const opened = await open(dir, { dropOldest: ['ring'] });
    for (let i = 0; i < 900; i++) await take(opened, 'ring');
    const { uplink } = opened.stream('ring');
    const { logStartOffset } = uplink;
    expect(opened.streams.droppedOf('ring')).toMatchObject({
      records: logStartOffset,
      from: 0,
      to: logStartOffset,
    });
    expect(opened.alarms.list().find(({ name }) => name === 'dropped ring')?.message).toContain(
      `${logStartOffset} records between offsets 0 and ${logStartOffset - 1}`,
    );
    const [run] = [...uplink.runs()];
    const gap = await run!.startNewRun('dropped', undefined);
    expect(gap).toMatchObject({ topic: 'ring', from: 0, to: logStartOffset, reason: 'dropped' });
    await opened.close();
    const again = await open(dir, { dropOldest: ['ring'] });
    expect(again.streams.gaps.list()).toEqual([gap]);
    await again.close();
  });

  test('what a hub may have got of what was dropped is still known by its CRC, so that an acknowledgement that was lost opens no gap', async () => {
    const opened = await open(temporaryDir(), { dropOldest: ['ring'] });
    for (let i = 0; i < 20; i++) await opened.append('ring');
    const { uplink } = opened.stream('ring');
    await until('it is sealed', () => uplink.sealedEndOffset > 2);
    const [run] = [...uplink.runs()];
    const { lastOffset, crc } = readBatchHeader(run!.read(0, 1)[0]!);
    for (let i = 0; i < 900; i++) await take(opened, 'ring');
    expect(uplink.logStartOffset).toBeGreaterThan(lastOffset);
    expect(run!.crcEndingAt(lastOffset + 1)).toBe(crc);
    await opened.close();
  });
});

test('full disk kills ingest, or even deletion (IoT Edge, OTel): with not a byte free readings are refused, and what a hub takes is freed', async (context) => {
  const mounted = temporaryDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', mounted], { stdio: 'pipe' });
  } catch (error) {
    if (process.env.CI) throw error;
    return context.skip('mount is not permitted here');
  }
  onTestFinished(() => void execFileSync('umount', [mounted]));
  const opened = await open(join(mounted, 'log'), { maxBytes: 2 ** 30 });
  for (let i = 0; i < 200; i++) expect(await opened.append('t')).toBeUndefined();
  const stream = opened.stream('t');
  await until('all is sealed', () => stream.uplink.sealedEndOffset === 200);
  const filler = join(mounted, 'filler');
  try {
    writeFileSync(filler, Buffer.alloc(2 ** 24));
  } catch {
    // The point: not a byte is free now.
  }
  await until('it is noticed', () => opened.disk.level === 'full');
  expect(await opened.append('t')).toBe('DISK_FULL');
  const before = opened.store.stats().physicalBytes;
  acknowledgeAll(stream);
  await until('what a hub has is freed', () => opened.store.stats().physicalBytes < before);
  expect(opened.streams.failure).toBeUndefined();
  rmSync(filler);
  await until('there is room again', () => !opened.disk.isFull);
  expect(await opened.append('t')).toBeUndefined();
  await opened.close();
});
