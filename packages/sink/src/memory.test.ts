import { readBatchHeader } from '@edgelog/wire';
import { expect, test } from 'vitest';
import type { FoundBatch } from './cluster.ts';
import { GONE_MS, QUIET_MS } from './limits.ts';
import { Positions } from './positions.ts';
import { type OpeningRecord, openingKey, sealRecords } from './records.ts';
import { Stage } from './testing/stage.ts';

test('thousands of runs that came and went leave nothing behind, and go on where they were', async () => {
  const stage = new Stage({ partitions: 4 });
  stage.sealed = 1;
  const at = await stage.sink();
  const gateways = Array.from({ length: 2_000 }, (_, number) => stage.gateway(number, 0, 2));
  // Some are opened only, of some the answer never comes.
  for (const [i, gateway] of gateways.entries()) {
    void gateway.send(at.sink, 1);
    if (i % 3 === 0) gateway.leave();
  }
  await stage.time.run(stage.time.now + 10_000);
  expect(at.sink.status().runs).toBe(gateways.length);
  await stage.time.run(stage.time.now + 2 * GONE_MS);
  const { runs, positionsBehind, inFlightBytes, scans } = at.sink.status();
  expect({ runs, positionsBehind, inFlightBytes, scans }).toEqual({
    ...{ runs: 0, positionsBehind: 0, inFlightBytes: 0, scans: [] },
  });
  const [first] = gateways.slice(1);
  expect(at.sink.append(first!.info.producerId, first!.batch(1))).toMatchObject({ code: 'not-available' });
  stage.sealed = 2;
  await stage.send(first!, at);
  expect(at.sink.status().runs).toBe(1);
});

test('what the cluster could not be told of a run is not kept for ever either', async () => {
  const stage = new Stage();
  const at = await stage.sink();
  await stage.send(stage.gateway(), at);
  at.client.lossy = 1;
  await stage.time.run(stage.time.now + QUIET_MS + GONE_MS + 60_000);
  expect(at.sink.status().runs).toBe(1);
  at.client.lossy = 0;
  await stage.time.run(stage.time.now + QUIET_MS + GONE_MS + 60_000);
  expect(at.sink.status().runs).toBe(0);
});

test('records of runs that others have open are not all kept, and read again when one comes here', async () => {
  const stage = new Stage({ recordsKept: 20 });
  const [one, other] = [await stage.sink(), await stage.sink()];
  stage.sealed = 3;
  const gateways = Array.from({ length: 200 }, (_, number) => stage.gateway(number, 0, 6));
  for (const gateway of gateways) void gateway.send(one.sink, 3);
  await stage.time.run(stage.time.now + 60_000, () => gateways.every(({ acked }) => acked?.next === 3));
  for (const gateway of gateways) gateway.leave();
  stage.sealed = 6;
  for (const gateway of gateways) {
    await stage.send(gateway, other);
    gateway.leave();
    expect(other.sink.status().recordsKept).toBeLessThanOrEqual(2 * (20 + other.sink.status().runs));
  }
  await stage.time.run(stage.time.now + 2 * GONE_MS);
  expect(other.sink.status()).toMatchObject({ runs: 0, recordsKept: 40 });
  expect(stage.partition.log.length).toBe(gateways.length * 6);
});

const ID = 2 ** 52;
const place = { gateway: 'g', logId: 'l', topic: 't', topicId: 't#1', firstOffset: 0, at: 0 };

function opening(producerId: number, partition: number, name: string, topicId = 't#1'): FoundBatch {
  const record: OpeningRecord = { ...place, topicId, partition, offset: 0, opening: name };
  const bytes = sealRecords([{ key: openingKey(producerId), value: JSON.stringify(record) }], 0);
  return { bytes, header: readBatchHeader(bytes) };
}

test('a record that comes after the first of its run was dropped is not taken for the first', () => {
  const known = new Positions(1);
  const log = [opening(ID, 3, 'a'), opening(ID + 1, 0, 'b'), opening(ID, 5, 'c')];
  for (const batch of log) known.learn(batch);
  const release = known.hold(ID);
  expect(known.mayLack('opening', ID)).toBe(true);
  known.forget('opening', [ID]);
  for (const batch of log) known.learn(batch, new Set([ID]), true);
  expect(known.mayLack('opening', ID)).toBe(false);
  expect(known.opening(ID, place.topicId)).toMatchObject({
    record: { opening: 'c', partition: 3 },
    before: 'a',
  });
  release();
  expect(known.size).toBe(1);
});

test('what is held stays, however much comes of others', () => {
  const known = new Positions(2);
  const release = known.hold(ID);
  for (let i = 0; i < 10; i++) known.learn(opening(ID + i, 0, `o${i}`));
  expect(known.isFenced(ID, 'o0')).toBe(false);
  release();
  expect(known.size).toBe(2);
});

test('an opening of a former life of the topic, which came late, says nothing of where the data is in this one', () => {
  const known = new Positions();
  known.learn(opening(ID, 5, 'b', 't#2'));
  known.learn(opening(ID, 3, 'late', 't#1'));
  const record = { opening: 'late', topicId: 't#2', partition: 5 };
  expect(known.opening(ID, 't#2')).toMatchObject({ record, before: 'b' });
  known.learn(opening(ID, 6, 'c', 't#2'));
  expect(known.opening(ID, 't#2')).toMatchObject({ record: { ...record, opening: 'c' }, before: 'late' });
  expect(known.opening(ID, 't#3')).toMatchObject({ record: { topicId: 't#2', partition: 6 } });
});
