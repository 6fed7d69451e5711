import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { apis, iterateBatches, iterateRecords, verifyBatchCrc } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, HubProcess } from './support/hub-process.ts';
import { IdempotentProducer } from './support/idempotent-producer.ts';
import { RawClient } from './support/raw-client.ts';

const ROUNDS = 6;
const PARTITIONS = 3;
let dir: string;
let port: number;
let hub: HubProcess;

async function start(): Promise<void> {
  const free = ['--sync', '127.0.0.1:0', '--http', '127.0.0.1:0', '--log-level', 'warn'];
  const small = ['--segment-bytes', String(1024 * 1024), '--default-partitions', String(PARTITIONS)];
  hub = await new HubProcess(['--data-dir', dir, '--kafka', `127.0.0.1:${port}`, ...free, ...small]).ready();
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-death-'));
  port = await freePort();
  await start();
});
afterAll(async () => {
  await hub.end('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

async function readAll(topic: string, index: number): Promise<number[]> {
  const client = await RawClient.connect(port);
  const values: number[] = [];
  for (let offset = 0; ; ) {
    const partitions = [{ partition: index, fetchOffset: offset, partitionMaxBytes: 300_000 }];
    const body = { maxWaitMs: 0, minBytes: 1, topics: [{ topic, partitions }] };
    const { responses } = await client.call(apis.fetch, 11, body);
    const records = responses[0]!.partitions[0]!.records!;
    if (records.length === 0) break;
    for (const { at, header } of iterateBatches(records)) {
      verifyBatchCrc(records, at, header);
      for (const record of iterateRecords(records.subarray(at))) values.push(Number(record.value));
      offset = header.lastOffset + 1;
    }
  }
  client.end();
  return values;
}

test('killed over and over under load, it loses nothing that was acknowledged, doubles nothing, keeps the order', async () => {
  const setup = await RawClient.connect(port);
  await setup.call(apis.metadata, 4, { topics: [{ name: 'load' }] });
  setup.end();
  const producers = Array.from({ length: PARTITIONS }, (_, i) => new IdempotentProducer(port, 'load', i));
  const running = Promise.all(producers.map((producer) => producer.run()));
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(50 + Math.random() * 350);
    await hub.end('SIGKILL');
    await start();
  }
  await sleep(100);
  for (const producer of producers) producer.stop();
  await running;
  for (const [index, { acknowledged, reconnects }] of producers.entries()) {
    expect(reconnects).toBeGreaterThanOrEqual(ROUNDS / 2);
    expect(acknowledged).toBeGreaterThan(100);
    expect(await readAll('load', index)).toEqual(Array.from({ length: acknowledged }, (_, i) => i));
  }
});
