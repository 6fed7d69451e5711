import { EdgelogError } from '@edgelog/base';
import { describe, expect, test } from 'vitest';
import { apis } from '../apis/index.ts';
import { int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';
import {
  decodeMessage,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeMessage,
  encodeRequest,
  encodeResponse,
} from './frame.ts';

function failure(step: () => unknown): { code: string; message: string } {
  try {
    step();
  } catch (error) {
    if (error instanceof EdgelogError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was thrown');
}

const topicId = '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';

describe('request frames', () => {
  test('an ApiVersions v3 request is the bytes that the protocol demands', () => {
    const body = { clientSoftwareName: 'edgelog', clientSoftwareVersion: '0.1' };
    const frame = encodeRequest(apis.apiVersions, 3, { correlationId: 1, clientId: 'é' }, body);
    // length, key 18, version 3, correlation 1, client id of two bytes, header tags, compact strings, tags
    expect(frame.toString('hex')).toBe(
      '0000001a001200030000000100' + '02c3a9' + '00' + '0865646765' + '6c6f67' + '04302e31' + '00',
    );
  });

  test('a null client id and unknown tagged fields in header and body are accepted', () => {
    const frame = Buffer.from(
      '00120003' + '00000001' + 'ffff' + '01' + '0502abcd' + '02' + '61' + '02' + '62' + '01' + '7f01ee',
      'hex',
    );
    const header = decodeRequestHeader(frame);
    expect(header).toEqual({ apiKey: 18, apiVersion: 3, correlationId: 1, clientId: null, bodyAt: 15 });
    expect(decodeRequest(apis.apiVersions, 3, frame, header.bodyAt)).toEqual({
      clientSoftwareName: 'a',
      clientSoftwareVersion: 'b',
    });
  });

  test('an API without a codec still has its header read', () => {
    const frame = Buffer.from('03e80000' + '00000007' + '000161', 'hex');
    expect(decodeRequestHeader(frame)).toMatchObject({
      apiKey: 1000,
      correlationId: 7,
      clientId: 'a',
      bodyAt: 11,
    });
  });

  test.each([
    ['cut in the fixed part', '001200', 'request header: 10 bytes needed, 3 in the frame'],
    ['client id longer than the frame', '00120000000000010009' + '61', 'clientId at byte 8 has length 9'],
    ['client id of length -2', '0012000000000001fffe', 'clientId at byte 8 has length -2'],
    [
      'header tags past the end',
      '00120003000000010000' + '01' + '00' + '7f',
      "header's tagged fields at byte 13: 127 bytes needed",
    ],
  ])('header refused: %s', (_what, hex, words) => {
    const { code, message: text } = failure(() => decodeRequestHeader(Buffer.from(hex, 'hex')));
    expect(code).toBe('CORRUPT_FRAME');
    expect(text).toContain(words);
  });

  test('records and bytes are views into the frame, not copies', () => {
    const records = Buffer.alloc(70, 7);
    const frame = encodeRequest(
      apis.produce,
      9,
      { correlationId: 1, clientId: null },
      {
        acks: -1,
        timeoutMs: 5,
        topicData: [{ name: 't', partitionData: [{ index: 0, records: [records, records] }] }],
      },
    ).subarray(4);
    const request = decodeRequest(apis.produce, 9, frame, decodeRequestHeader(frame).bodyAt);
    const decoded = request.topicData[0]?.partitionData[0]?.records;
    expect(decoded).toEqual(Buffer.concat([records, records]));
    expect(decoded?.buffer).toBe(frame.buffer);
  });
});

describe('response frames', () => {
  const response = (...records: Buffer[]) =>
    encodeResponse(apis.fetch, 13, 9, {
      responses: [
        {
          topicId,
          partitions: records.map((r, partitionIndex) => ({
            partitionIndex,
            errorCode: 0,
            highWatermark: 2 ** 40,
            abortedTransactions: null,
            records: r,
          })),
        },
      ],
    });

  test('large record buffers are the very buffers that were given; the length covers them', () => {
    const large = Buffer.alloc(5000, 1);
    const small = Buffer.alloc(10, 2);
    const parts = response(large, small, large);
    expect(parts.filter((part) => part === large)).toHaveLength(2);
    const frame = Buffer.concat(parts);
    expect(frame.readInt32BE(0)).toBe(frame.length - 4);
    const { correlationId, body } = decodeResponse(apis.fetch, 13, frame.subarray(4));
    expect(correlationId).toBe(9);
    expect(body.responses[0]?.topicId).toBe(topicId);
    expect(body.responses[0]?.partitions.map((p) => p.records)).toEqual([large, small, large]);
  });

  test('a response stays as it was while the next one is encoded', () => {
    const first = response(Buffer.alloc(5000, 1));
    const bytes = Buffer.concat(first);
    response(Buffer.alloc(3000, 9), Buffer.alloc(10, 9));
    expect(Buffer.concat(first)).toEqual(bytes);
  });

  test('the response header of ApiVersions is never flexible [KIP-511]', () => {
    const body = { errorCode: 35, apiKeys: [] };
    expect(Buffer.concat(encodeResponse(apis.apiVersions, 0, 5, body)).toString('hex')).toBe(
      '0000000a' + '00000005' + '0023' + '00000000',
    );
    expect(Buffer.concat(encodeResponse(apis.apiVersions, 3, 5, body)).toString('hex')).toBe(
      '0000000c' + '00000005' + '0023' + '01' + '00000000' + '00',
    );
  });

  test('tagged fields at their default are left out, others travel', () => {
    const encode = (currentLeader: { leaderId: number; leaderEpoch: number } | undefined) =>
      Buffer.concat(
        encodeResponse(apis.produce, 10, 1, {
          responses: [
            { name: 't', partitionResponses: [{ index: 0, errorCode: 6, baseOffset: -1, currentLeader }] },
          ],
        }),
      );
    expect(encode({ leaderId: -1, leaderEpoch: -1 })).toEqual(encode(undefined));
    const { body } = decodeResponse(apis.produce, 10, encode({ leaderId: 2, leaderEpoch: 7 }).subarray(4));
    expect(body.responses[0]?.partitionResponses[0]?.currentLeader).toEqual({ leaderId: 2, leaderEpoch: 7 });
  });

  test('a value that the version cannot carry is refused by name, and dropped where that is harmless', () => {
    const { code, message: text } = failure(() =>
      encodeResponse(apis.fetch, 6, 1, { responses: [], sessionId: 3 }),
    );
    expect(code).toBe('UNSUPPORTED_VERSION');
    expect(text).toMatch(/^Fetch response v6: sessionId: /);
    expect(() => encodeResponse(apis.fetch, 6, 1, { responses: [], errorCode: 3 })).not.toThrow();
  });

  test('a value of the wrong kind is a bug, named by its path', () => {
    const body = { errorCode: 0, apiKeys: [{ apiKey: 70_000, minVersion: 0, maxVersion: 1 }] };
    expect(() => encodeResponse(apis.apiVersions, 0, 1, body)).toThrow(
      'ApiVersions response v0: apiKeys[0].apiKey: 70000 is no integer of -32768 to 32767',
    );
  });
});

test.each([
  ['v13', '000000190003000d000000030007' + '72646b61666b61' + '00' + '00000000010000'],
  ['v10', '0000001a0003000a000000030007' + '72646b61666b61' + '00' + '0000000001000000'],
])("librdkafka's Metadata %s for all topics, whose null count takes four bytes, is understood", (_, hex) => {
  const frame = Buffer.from(hex, 'hex').subarray(4);
  const { apiVersion, bodyAt } = decodeRequestHeader(frame);
  const request = decodeRequest(apis.metadata, apiVersion, frame, bodyAt);
  expect(request).toMatchObject({ topics: null, allowAutoTopicCreation: true });
});

describe('hostile frames', () => {
  const header = { correlationId: 1, clientId: 'x' };
  const decode = (version: number, hex: string) =>
    failure(() => decodeRequest(apis.metadata, version, Buffer.from(hex, 'hex'), 0));

  test.each([
    [1, '7fffffff', 'Metadata request v1: topics at byte 0: 2147483647 elements need'],
    [1, 'fffffffe', 'Metadata request v1: topics at byte 0: length -2'],
    [0, 'ffffffff', 'Metadata request v0: topics at byte 0: null where none may be'],
    [
      1,
      '00000001' + '0005' + '6162',
      'Metadata request v1: topics[0].name at byte 6: 5 bytes needed, 2 left',
    ],
    [1, '00000001' + 'ffff', 'Metadata request v1: topics[0].name at byte 4: null where none may be'],
    [1, '00000000' + '00', 'Metadata request v1 at byte 4: 1 bytes left after the message'],
    [1, '', 'Metadata request v1: topics at byte 0: 4 bytes needed, 0 left'],
    [9, 'ffffffff7f', 'Metadata request v9: topics at byte 0: varint of more than 32 bits'],
    [9, '02' + '0261' + '01' + '00' + '7f', 'Metadata request v9: topics[0] at byte 6: 127 bytes needed'],
  ])('Metadata v%i %s', (version, hex, words) => {
    const { code, message: text } = decode(version, hex);
    expect(code).toBe('CORRUPT_FRAME');
    expect(text).toContain(words);
  });

  test('a string longer than 32767 bytes is refused in the compact form too, both ways', () => {
    const name = 'x'.repeat(32_768);
    const request = (topic: string) =>
      encodeRequest(apis.metadata, 9, header, { topics: [{ name: topic }] }).subarray(4);
    expect(() => request(name)).toThrow('Metadata request v9: topics[0].name: string of 32768 bytes');
    const frame = request(name.slice(1));
    const { bodyAt } = decodeRequestHeader(frame);
    expect(decodeRequest(apis.metadata, 9, frame, bodyAt).topics?.[0]?.name).toHaveLength(32_767);
    // The length 32,768 as varint(32,769) is one more in its first byte.
    frame[bodyAt + 1]! += 1;
    expect(failure(() => decodeRequest(apis.metadata, 9, frame, bodyAt)).message).toContain(
      'string of 32768 bytes',
    );
  });

  test('an int64 beyond 2^53 is refused, not rounded', () => {
    const frame = encodeRequest(apis.listOffsets, 1, header, {
      replicaId: -1,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: 0 }] }],
    }).subarray(4);
    frame.writeBigInt64BE(2n ** 53n, frame.length - 8);
    const { message: text } = failure(() => decodeRequest(apis.listOffsets, 1, frame, 11));
    expect(text).toContain('topics[0].partitions[0].timestamp');
    expect(text).toContain('9007199254740992 is beyond 2^53');
  });

  test('versions out of range are refused by name', () => {
    expect(failure(() => decodeRequest(apis.fetch, 19, Buffer.alloc(0), 0))).toEqual({
      code: 'UNSUPPORTED_VERSION',
      message: 'Fetch version 19: served are 4 to 18',
    });
  });
});

test('a message outside a frame, such as a record key, has its own codec', () => {
  const key = message({ name: 'Key', versions: [0, 1], fields: { group: string(), partition: int32() } });
  const bytes = encodeMessage(key, 1, { group: 'g', partition: 3 });
  expect(bytes.toString('hex')).toBe('0001' + '67' + '00000003');
  expect(decodeMessage(key, 1, Buffer.concat([Buffer.of(0, 1), bytes]), 2)).toEqual({
    group: 'g',
    partition: 3,
  });
});
