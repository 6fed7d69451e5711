import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apis, ErrorCode } from '@edgelog/wire';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { HubProcess } from './support/hub-process.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

let dir: string;
let hubs: HubProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edgelog-process-'));
  hubs = [];
});
afterEach(async () => {
  for (const hub of hubs) await hub.end('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

function spawnHub(args: readonly string[] = [], dataDir = join(dir, 'data'), limits = {}): HubProcess {
  const free = ['kafka', 'sync', 'http'].filter((name) => !args.includes(`--${name}`));
  const addresses = free.flatMap((name) => [`--${name}`, '127.0.0.1:0']);
  const hub = new HubProcess(['--data-dir', dataDir, ...addresses, ...args], limits);
  hubs.push(hub);
  return hub;
}

const portOf = (hub: HubProcess, name: string) =>
  Number(new RegExp(`${name}=127.0.0.1:(\\d+)`).exec(hub.stdout)![1]);

test('SIGTERM answers what is in flight and ends with status 0; all is there after a restart', async () => {
  const hub = await spawnHub().ready();
  const client = await RawClient.connect(portOf(hub, 'kafka'));
  await client.call(apis.metadata, 4, { topics: [{ name: 't' }] });
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: batchOf(['kept']) }] }];
  await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1, topicData });
  expect(await hub.end('SIGTERM')).toBe(0);
  expect(await client.frame()).toBeUndefined();

  const again = await spawnHub().ready();
  const reader = await RawClient.connect(portOf(again, 'kafka'));
  const { topics } = await reader.call(apis.listOffsets, 1, {
    replicaId: -1,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  });
  expect(topics[0]!.partitions[0]!.offset).toBe(1);
  reader.end();
});

describe('what cannot start says why in one line, and ends with status 1', () => {
  async function lineOf(hub: HubProcess): Promise<string> {
    expect(await hub.exited()).toBe(1);
    expect(hub.stdout).toBe('');
    const lines = hub.stderr.split('\n').filter((line) => line.startsWith('edgelog: '));
    expect(lines.length).toBe(1);
    return lines[0]!;
  }

  test('a data directory in use', async () => {
    await spawnHub().ready();
    expect(await lineOf(spawnHub())).toMatch(/DATA_DIR_IN_USE: .*data/);
  });

  test('a data directory with something else in it', async () => {
    const foreign = join(dir, 'foreign');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'holiday.jpg'), '');
    expect(await lineOf(spawnHub([], foreign))).toMatch(/DATA_DIR_INVALID: .*holiday\.jpg/);
  });

  test.each(['kafka', 'sync', 'http'])('a port in use: %s', async (name) => {
    const taken = `127.0.0.1:${portOf(await spawnHub().ready(), name)}`;
    const line = await lineOf(spawnHub([`--${name}`, taken], join(dir, 'other')));
    expect(line).toMatch(new RegExp(`ADDRESS_IN_USE: .*${name}.* ${taken}`));
  });

  test.each([
    [['--kafkaa', '127.0.0.1:1'], /unknown flag --kafkaa \(did you mean --kafka\?\)/],
    [['--default-partitions', 'many'], /--default-partitions = "many"/],
    [['--kafka', 'nowhere'], /--kafka = "nowhere": expected HOST:PORT/],
  ])('settings: %j', async (args, message) => {
    expect(await lineOf(spawnHub(args))).toMatch(message);
  });
});

test('when the disk fails, clients and /healthz are told, and the process ends with status 1 and one line', async () => {
  const hub = await spawnHub([], join(dir, 'small'), { fileKiBMax: 2048 }).ready();
  const client = await RawClient.connect(portOf(hub, 'kafka'));
  await client.call(apis.metadata, 4, { topics: [{ name: 't' }] });
  let errorCode = 0;
  while (errorCode === 0) {
    const records = batchOf(['x'.repeat(500_000)]);
    const body = {
      acks: -1,
      timeoutMs: 1,
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
    };
    const { responses } = await client.call(apis.produce, 9, body);
    errorCode = responses[0]!.partitionResponses[0]!.errorCode;
  }
  expect(errorCode).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
  const health = await fetch(`http://127.0.0.1:${portOf(hub, 'http')}/healthz`).then(
    ({ status }) => status,
    () => 'ended already',
  );
  expect([503, 'ended already']).toContain(health);
  expect(await hub.exited()).toBe(1);
  expect(hub.stderr.match(/^edgelog: STORE_FAILED: the log in .*small failed: /gm)?.length).toBe(1);
  expect(hub.stderr).not.toContain('internal error');
});

test('a start that fails leaves nothing behind: the directory can be used at once', async () => {
  const first = await TestHub.start();
  try {
    const second = new TestHub();
    await expect(second.start({ kafka: first.bootstrap })).rejects.toThrow(/already in use/);
    await second.start();
    await second.close();
  } finally {
    await first.close();
  }
});

test('/healthz, /status and /metrics say what is served', async () => {
  const test = await TestHub.start({ defaultPartitions: 2 });
  try {
    const client = await RawClient.connect(test.hub.kafkaPort);
    await client.call(apis.metadata, 4, { topics: [{ name: 'seen' }] });
    const topicData = [{ name: 'seen', partitionData: [{ index: 1, records: batchOf(['a', 'b']) }] }];
    await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1, topicData });
    const get = (path: string) => fetch(`http://${test.hub.addresses.http}${path}`);
    expect(await (await get('/healthz')).json()).toEqual({ ok: true, reasons: [] });
    const status = (await (await get('/status')).json()) as { topics: { name: string }[] };
    expect(status).toMatchObject({ role: 'hub', clusterId: test.hub.clusterId, connections: { kafka: 1 } });
    expect(status.topics.find(({ name }) => name === 'seen')).toMatchObject({
      partitions: [
        { partition: 0, startOffset: 0, endOffset: 0 },
        { partition: 1, startOffset: 0, endOffset: 2 },
      ],
    });
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toContain('kafka_log_log_logendoffset{topic="seen",partition="1"} 2');
    expect(metrics).toContain('edgelog_kafka_requests_total{api="Produce"} 1');
    client.end();
  } finally {
    await test.close();
  }
});
