import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLogStore } from '@edgelog/log';
import { expect, onTestFinished, test } from 'vitest';
import { sourceHeaders } from './reading.ts';
import { type LostRange, StreamReader } from './stream-reader.ts';
import { streamsOn, temporaryDir, until } from './testing/fixture.ts';

const HEADERS = sourceHeaders('gw', 'test');
const STARTED_MS = 1_700_000_000_000;

async function open(dir: string) {
  const store = await openLogStore({ dir, segmentBytes: 2 ** 20 });
  const clock = { now: STARTED_MS };
  const { streams } = streamsOn(store, dir, 2 ** 20, {
    batchBytes: 4096,
    clock: { now: () => clock.now, isTrusted: true, raiseFloor: () => {} },
  });
  const append = (value: string) =>
    streams.append('t', { key: 'k', value: Buffer.from(value), headers: HEADERS }).durable;
  const close = async () => {
    await streams.close();
    await store.close();
  };
  return { streams, append, clock, close, reader: () => new StreamReader([...streams.list()][0]!.edge) };
}

function readAll(reader: StreamReader, from: number) {
  const values: string[] = [];
  const lost: LostRange[] = [];
  for (let at = from; ; ) {
    const part = reader.read(at);
    if (part === undefined) return { values, lost, next: at };
    if ('lost' in part) lost.push(part.lost);
    else for (const { offset, value } of part.records) values.push(`${offset}:${value}`);
    expect(part.next).toBeGreaterThan(at);
    at = part.next;
  }
}

test('what is not on disk yet is shown to nobody; what is, is shown at once, sealed or not', async () => {
  const { append, reader, close } = await open(temporaryDir());
  onTestFinished(close);
  await append('v0');
  const waiting = append('v1');
  expect(readAll(reader(), 0)).toEqual({ values: ['0:v0'], lost: [], next: 1 });
  await waiting;
  expect(readAll(reader(), 1)).toEqual({ values: ['1:v1'], lost: [], next: 2 });
});

test('from any offset, over sealed batches, the open tail and a restart, each record comes once', async () => {
  const dir = temporaryDir();
  const first = await open(dir);
  for (let i = 0; i < 150; i++) {
    first.clock.now += 10;
    const durable = first.append(`v${i}`);
    if (i % 7 === 0) await durable;
  }
  await first.streams.flush();
  const expected = Array.from({ length: 150 }, (_, i) => `${i}:v${i}`);
  const check = (reader: StreamReader) => {
    for (const from of [0, 1, 49, 50, 51, 100, 149, 150]) {
      expect(readAll(reader, from)).toEqual({ values: expected.slice(from), lost: [], next: 150 });
    }
    expect(reader.offsetAt(STARTED_MS)).toBe(0);
    // Readings 71 to 77 came in one turn, and have the time of the first.
    expect(reader.offsetAt(STARTED_MS + 705)).toBe(71);
    expect(reader.offsetAt(STARTED_MS + 1485)).toBe(148);
    expect(reader.offsetAt(STARTED_MS + 9999)).toBe(150);
  };
  await until('batches are sealed', () => [...first.streams.list()][0]!.uplink.sealedEndOffset > 0);
  check(first.reader());
  await first.close();
  const second = await open(dir);
  onTestFinished(second.close);
  check(second.reader());
});

test('checksum mismatch stops upload for ever (IoT Edge): a reader is told the damaged range and gets what is behind it', async () => {
  const dir = temporaryDir();
  const first = await open(dir);
  for (let i = 0; i < 150; i++) await first.append(`value-${String(i).padStart(3, '0')}`);
  await first.close();
  const folder = join(dir, 'segments');
  let hits = 0;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) continue;
    const bytes = readFileSync(path);
    for (let at = bytes.indexOf('value-007'); at >= 0; at = bytes.indexOf('value-007', at + 1)) {
      bytes[at] = 0x58;
      hits++;
    }
    writeFileSync(path, bytes);
  }
  expect(hits).toBeGreaterThan(0);
  const second = await open(dir);
  onTestFinished(second.close);
  const { values, lost, next } = readAll(second.reader(), 0);
  expect(lost).toHaveLength(1);
  expect(lost[0]!.reason).toMatch(/^damaged: .*CRC/);
  expect(lost[0]!.from).toBeLessThanOrEqual(7);
  expect(lost[0]!.to).toBeGreaterThan(7);
  expect(values.length).toBe(150 - (lost[0]!.to - lost[0]!.from));
  expect(values.at(-1)).toBe('149:value-149');
  expect(next).toBe(150);
});
