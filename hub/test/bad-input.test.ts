import { apis, ErrorCode, encodeRequest } from '@edgelog/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchOf } from './support/batches.ts';
import { RawClient } from './support/raw-client.ts';
import { TestHub } from './support/test-hub.ts';

let hub: TestHub;

beforeAll(async () => {
  hub = await TestHub.start({ maxFrameBytes: 1_000_000, defaultPartitions: 2 });
});
afterAll(() => hub.close());

async function connect(): Promise<RawClient> {
  return RawClient.connect(hub.hub.kafkaPort);
}

/** The hub still serves others. */
async function expectAlive(): Promise<void> {
  const client = await connect();
  const { apiKeys } = await client.call(apis.apiVersions, 0, {});
  expect(apiKeys.length).toBeGreaterThan(15);
  client.end();
}

describe('what is not Kafka is closed, and the log says what it looked like', () => {
  test.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'looks like an HTTP request'],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex'), 'looks like a TLS handshake'],
    ['garbage', Buffer.from('ffffffff00000000', 'hex'), 'frame length -1'],
    ['an oversize frame', Buffer.from('000f4241', 'hex'), 'frame of 1000001 bytes, at most 1000000'],
    [
      'an unknown API',
      Buffer.from('0000000a7fff000000000001ffff', 'hex'),
      'API key 32767 (unknown API) is not served',
    ],
    ['a header cut short', Buffer.from('00000008000300000000000100', 'hex'), 'request header'],
  ])('%s', async (_, bytes, reason) => {
    const client = await connect();
    client.write(bytes);
    expect(await client.frame()).toBeUndefined();
    const lines = hub.logLines(reason);
    expect(lines.length).toBe(1);
    expect(lines[0]).toContain('"remote":"127.0.0.1:');
    await expectAlive();
  });

  test('a version that is not served names API, version and client', async () => {
    const client = await connect();
    const frame = encodeRequest(
      apis.produce,
      3,
      { correlationId: 1, clientId: 'old' },
      { acks: 1, timeoutMs: 1, topicData: [] },
    );
    frame.writeInt16BE(2, 6);
    client.write(frame);
    expect(await client.frame()).toBeUndefined();
    expect(hub.logLines('Produce version 2 from client').length).toBe(1);
  });

  test.each([
    ['an unknown API', '000f423f6162000000000001', 'API key 24930 (unknown API) is not served'],
    ['a version not served', '000f423f00030063', 'Metadata version 99; this broker answers'],
  ])('%s is not waited for to the end of the frame it announces', async (_, hex, reason) => {
    const client = await connect();
    client.write(Buffer.from(hex, 'hex'));
    expect(await client.frame()).toBeUndefined();
    expect(hub.logLines(reason).length).toBe(1);
  });

  test('a body with bytes too many', async () => {
    const client = await connect();
    const frame = encodeRequest(
      apis.heartbeat,
      0,
      { correlationId: 1, clientId: 'x' },
      { groupId: 'g', generationId: 1, memberId: 'm' },
    );
    const longer = Buffer.concat([frame, Buffer.alloc(3)]);
    longer.writeInt32BE(longer.length - 4, 0);
    client.write(longer);
    expect(await client.frame()).toBeUndefined();
    expect(hub.logLines('Heartbeat').length).toBe(1);
  });

  test('requests before the bad one are answered', async () => {
    const client = await connect();
    client.send(apis.apiVersions, 0, {});
    client.send(apis.metadata, 1, { topics: null });
    client.write('garbage!');
    await client.receive(apis.apiVersions, 0);
    await client.receive(apis.metadata, 1);
    expect(await client.frame()).toBeUndefined();
  });
});

test('ApiVersions of an unknown version is answered in version 0 with error 35 and the ranges', async () => {
  const client = await connect();
  const frame = encodeRequest(
    apis.apiVersions,
    4,
    { correlationId: 7, clientId: 'new' },
    { clientSoftwareName: 'new', clientSoftwareVersion: '9' },
  );
  frame.writeInt16BE(77, 6);
  client.write(frame);
  const { correlationId, body } = await client.receive(apis.apiVersions, 0);
  expect(correlationId).toBe(7);
  expect(body.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
  const produce = body.apiKeys.find(({ apiKey }) => apiKey === 0);
  expect(produce).toEqual({ apiKey: 0, minVersion: 0, maxVersion: 13 });
  client.end();
});

describe('produce refuses, partition by partition', () => {
  const good = () => batchOf(['a', 'b']);
  const patched = (patch: (batch: Buffer) => void): Buffer => {
    const batch = good();
    patch(batch);
    return batch;
  };

  test.each<[string, Buffer | null, keyof typeof ErrorCode]>([
    ['a wrong CRC', patched((b) => void b.writeUInt8(b.at(-1)! ^ 1, b.length - 1)), 'CORRUPT_MESSAGE'],
    ['a batch cut short', good().subarray(0, -1), 'INVALID_RECORD'],
    ['a header cut short', good().subarray(0, 40), 'INVALID_RECORD'],
    ['record format 1', patched((b) => b.writeInt8(1, 16)), 'INVALID_RECORD'],
    ['no batch', Buffer.alloc(0), 'INVALID_RECORD'],
    ['null', null, 'INVALID_RECORD'],
    ['two batches', Buffer.concat([good(), good()]), 'INVALID_RECORD'],
    ['a batch over the limit', batchOf(['x'.repeat(1_048_588)]), 'MESSAGE_TOO_LARGE'],
  ])('%s', async (_, records, error) => {
    const small = await TestHub.start({ maxFrameBytes: 10_000_000 });
    try {
      const client = await RawClient.connect(small.hub.kafkaPort);
      await client.call(apis.metadata, 4, { topics: [{ name: 'bad' }] });
      const answer = await client.call(apis.produce, 8, {
        acks: -1,
        timeoutMs: 1000,
        topicData: [
          {
            name: 'bad',
            partitionData: [
              { index: 0, records },
              { index: 1, records: good() },
            ],
          },
        ],
      });
      const [refused, taken] = answer.responses[0]!.partitionResponses;
      expect(refused).toMatchObject({ errorCode: ErrorCode[error], baseOffset: -1 });
      expect(refused!.errorMessage).toBeTruthy();
      expect(taken).toMatchObject({ errorCode: 0, baseOffset: 0 });
      client.end();
    } finally {
      await small.close();
    }
  });

  test('unknown topics, partitions and acks', async () => {
    const client = await connect();
    await client.call(apis.metadata, 4, { topics: [{ name: 'known' }] });
    const produce = async (name: string, index: number, acks: number) => {
      const body = { acks, timeoutMs: 1, topicData: [{ name, partitionData: [{ index, records: good() }] }] };
      const { responses } = await client.call(apis.produce, 9, body);
      return responses[0]!.partitionResponses[0]!.errorCode;
    };
    expect(await produce('unknown', 0, 1)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await produce('known', 2, 1)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    expect(await produce('known', 0, 2)).toBe(ErrorCode.INVALID_REQUIRED_ACKS);
    expect(await produce('__consumer_offsets', 0, 1)).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    expect(await produce('known', 0, 1)).toBe(ErrorCode.NONE);
    client.end();
  });

  test('acks 0 gets no response, and an error closes the connection', async () => {
    const client = await connect();
    await client.call(apis.metadata, 4, { topics: [{ name: 'silent' }] });
    const body = (name: string) => ({
      acks: 0,
      timeoutMs: 1,
      topicData: [{ name, partitionData: [{ index: 0, records: good() }] }],
    });
    client.send(apis.produce, 7, body('silent'));
    client.send(apis.apiVersions, 0, {});
    await client.receive(apis.apiVersions, 0);
    client.send(apis.produce, 7, body('no-such-topic'));
    expect(await client.frame()).toBeUndefined();
    expect(hub.logLines('produce with acks 0 to no-such-topic-0').length).toBe(1);
  });

  test('an illegal topic name is not created', async () => {
    const client = await connect();
    const { topics } = await client.call(apis.metadata, 9, { topics: [{ name: 'no such/name' }] });
    expect(topics[0]!.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
    client.end();
  });
});
