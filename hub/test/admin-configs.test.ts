import { apis, ErrorCode } from '@edgelog/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';
import { versionsOf } from './support/versions.ts';

const TOPIC = 2;
const BROKER = 4;
const CLIENT_METRICS = 16;
const GROUP = 32;
const [SET, DELETE, APPEND] = [0, 1, 2];
const FROM_TOPIC = 1;
const FROM_BROKER = 4;
const FROM_DEFAULT = 5;

let hub: TestHub;
let client: RawClient;

beforeAll(async () => {
  hub = await TestHub.start({ defaultPartitions: 1 });
  client = await RawClient.connect(hub.hub.kafkaPort);
});
afterAll(async () => {
  client.end();
  await hub.close();
});

async function create(name: string): Promise<void> {
  await client.call(apis.metadata, 4, { topics: [{ name }] });
}

/** [value, source, synonyms] of the topic's configs named. */
async function described(resourceName: string, ...keys: string[]) {
  const { results } = await client.call(apis.describeConfigs, 4, {
    resources: [{ resourceType: TOPIC, resourceName, configurationKeys: keys }],
    includeSynonyms: true,
  });
  return Object.fromEntries(
    results[0]!.configs.map(({ name, value, configSource, synonyms }) => [
      name,
      [value, configSource, synonyms.map((one) => one.value)],
    ]),
  );
}

interface Change {
  name: string;
  configOperation: number;
  value: string | null;
}

async function incremental(
  version: number,
  resourceName: string,
  configs: Change[],
  { resourceType = TOPIC, validateOnly = false } = {},
) {
  const resources = [{ resourceType, resourceName, configs }];
  const { responses } = await client.call(apis.incrementalAlterConfigs, version, { resources, validateOnly });
  expect(responses[0]).toMatchObject({ resourceType, resourceName });
  return responses[0]!;
}

test.each(versionsOf(apis.incrementalAlterConfigs))(
  'IncrementalAlterConfigs %i changes single configs of a topic',
  async (version) => {
    const name = `changed-${version}`;
    await create(name);
    const changes = [
      { name: 'delete.retention.ms', configOperation: SET, value: '60000' },
      { name: 'cleanup.policy', configOperation: APPEND, value: 'compact' },
    ];
    expect((await incremental(version, name, changes, { validateOnly: true })).errorCode).toBe(0);
    expect(await described(name, 'delete.retention.ms')).toEqual({
      'delete.retention.ms': ['86400000', FROM_DEFAULT, ['86400000']],
    });
    expect((await incremental(version, name, changes)).errorCode).toBe(0);
    expect(await described(name, 'delete.retention.ms', 'cleanup.policy')).toEqual({
      'delete.retention.ms': ['60000', FROM_TOPIC, ['60000', '86400000']],
      'cleanup.policy': ['delete,compact', FROM_TOPIC, ['delete,compact', 'delete']],
    });
    const removal = [{ name: 'delete.retention.ms', configOperation: DELETE, value: null }];
    expect((await incremental(version, name, removal)).errorCode).toBe(0);
    expect(await described(name, 'delete.retention.ms')).toEqual({
      'delete.retention.ms': ['86400000', FROM_DEFAULT, ['86400000']],
    });
    const bad = [{ name: 'delete.retention.ms', configOperation: SET, value: 'long' }];
    const refused = await incremental(version, name, bad);
    expect(refused.errorCode).toBe(ErrorCode.INVALID_CONFIG);
    expect(refused.errorMessage).toContain('delete.retention.ms=long');
    const missing = await incremental(version, 'missing', changes);
    expect(missing.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  },
);

test.each(versionsOf(apis.alterConfigs))('AlterConfigs %i replaces all that is set', async (version) => {
  const name = `replaced-${version}`;
  await create(name);
  const alter = async (configs: { name: string; value: string | null }[], validateOnly = false) => {
    const resources = [{ resourceType: TOPIC, resourceName: name, configs }];
    const { responses } = await client.call(apis.alterConfigs, version, { resources, validateOnly });
    return responses[0]!.errorCode;
  };
  expect(await alter([{ name: 'delete.retention.ms', value: '1' }])).toBe(0);
  expect(await alter([{ name: 'segment.ms', value: '2' }], true)).toBe(0);
  expect(await alter([{ name: 'segment.ms', value: '2' }])).toBe(0);
  expect(await alter([{ name: 'delete.retention.ms', value: null }])).toBe(ErrorCode.INVALID_REQUEST);
  expect(await described(name, 'delete.retention.ms', 'segment.ms')).toEqual({
    'delete.retention.ms': ['86400000', FROM_DEFAULT, ['86400000']],
    'segment.ms': ['2', FROM_TOPIC, ['2', '604800000']],
  });
});

test('a broker config that cannot change is refused by name', async () => {
  const change = [{ name: 'num.partitions', configOperation: SET, value: '3' }];
  for (const name of ['1', '']) {
    const refused = await incremental(1, name, change, { resourceType: BROKER });
    expect(refused.errorCode).toBe(ErrorCode.INVALID_REQUEST);
    expect(refused.errorMessage).toContain('cannot change num.partitions');
  }
  const other = await incremental(1, '2', change, { resourceType: BROKER });
  expect(other.errorMessage).toContain('this is broker 1');
  const logger = await incremental(1, '1', change, { resourceType: 8 });
  expect(logger.errorCode).toBe(ErrorCode.INVALID_REQUEST);
});

test('a resource named twice is refused', async () => {
  await create('twice');
  const change = { name: 'delete.retention.ms', configOperation: SET, value: '3' };
  const resource = { resourceType: TOPIC, resourceName: 'twice', configs: [change] };
  const { responses } = await client.call(apis.incrementalAlterConfigs, 1, {
    resources: [resource, resource],
    validateOnly: false,
  });
  expect(responses.map(({ errorCode }) => errorCode)).toEqual(Array(2).fill(ErrorCode.INVALID_REQUEST));
});

test('max.message.bytes holds from the answer on, and over a restart', async () => {
  await create('small');
  const produce = async () => {
    const topicData = [{ name: 'small', partitionData: [{ index: 0, records: batchOf(['x'.repeat(500)]) }] }];
    const { responses } = await client.call(apis.produce, 9, { acks: -1, timeoutMs: 1, topicData });
    return responses[0]!.partitionResponses[0]!.errorCode;
  };
  expect(await produce()).toBe(0);
  await incremental(1, 'small', [{ name: 'max.message.bytes', configOperation: SET, value: '100' }]);
  expect(await produce()).toBe(ErrorCode.MESSAGE_TOO_LARGE);
  client.end();
  await hub.hub.stop();
  await hub.start({ defaultPartitions: 1 });
  client = await RawClient.connect(hub.hub.kafkaPort);
  expect(await produce()).toBe(ErrorCode.MESSAGE_TOO_LARGE);
  expect(await described('changed-1', 'cleanup.policy')).toEqual({
    'cleanup.policy': ['delete,compact', FROM_TOPIC, ['delete,compact', 'delete']],
  });
});

test("what the hub's settings say comes from its static configuration, the rest from defaults", async () => {
  const { results } = await client.call(apis.describeConfigs, 4, {
    resources: [{ resourceType: BROKER, resourceName: '1', configurationKeys: null }],
    includeSynonyms: true,
  });
  const found = Object.fromEntries(
    results[0]!.configs.map(({ name, configSource, synonyms }) => [name, [configSource, synonyms.length]]),
  );
  expect(found['num.partitions']).toEqual([FROM_BROKER, 2]);
  expect(found['message.max.bytes']).toEqual([FROM_DEFAULT, 1]);
  await create('plain');
  expect(await described('plain', 'max.message.bytes')).toEqual({
    'max.message.bytes': ['1048588', FROM_DEFAULT, ['1048588']],
  });
});

test('groups show what the hub does with their members, and client metrics are none', async () => {
  const resources = [
    { resourceType: GROUP, resourceName: 'any', configurationKeys: null },
    { resourceType: CLIENT_METRICS, resourceName: 'any', configurationKeys: null },
  ];
  const { results } = await client.call(apis.describeConfigs, 4, { resources, includeSynonyms: true });
  expect(results.map(({ errorCode }) => errorCode)).toEqual([0, 0]);
  expect(results[0]!.configs).toMatchObject([
    { name: 'consumer.session.timeout.ms', value: '45000', readOnly: true, configSource: FROM_DEFAULT },
    { name: 'consumer.heartbeat.interval.ms', value: '5000', readOnly: true },
  ]);
  expect(results[1]!.configs).toEqual([]);
});
