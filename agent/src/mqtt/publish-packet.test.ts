import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { publishPacket } from '../testing/raw-mqtt.ts';
import { FrameReader } from './frame-reader.ts';
import {
  fromPacketProperties,
  headersOf,
  type PacketProperties,
  toPacketProperties,
} from './message-properties.ts';
import { MqttFault, Reason } from './protocol.ts';
import { type PublishPacket, PublishParser } from './publish-packet.ts';
import { TOPIC_ALIAS_MAX } from './topic-aliases.ts';

/** A CONNECT of no content lets the reader go on to what is tested. */
const OPENING = Buffer.from([0x10, 0]);

function parseAll(version: 4 | 5, ...packets: Buffer[]): PublishPacket[] {
  const frames = new FrameReader(1_000_000);
  const parser = new PublishParser(version);
  frames.push(Buffer.concat([OPENING, ...packets]));
  frames.next();
  const parsed: PublishPacket[] = [];
  while (frames.next()) parsed.push(parser.parse(frames));
  return parsed;
}

const v5 = (topic: string, properties: PacketProperties, payload = 'x') =>
  generate({ ...publishPacket(topic, payload), properties }, { protocolVersion: 5 });

function faultOf(...packets: Buffer[]): MqttFault {
  try {
    parseAll(5, ...packets);
  } catch (error) {
    if (error instanceof MqttFault) return error;
    throw error;
  }
  throw new Error('it was taken');
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((s) => !s.includes('\0'));
const topics = text.filter((s) => s !== '' && !/[#+]/.test(s));

describe('PublishParser', () => {
  test('gives what mqtt-packet wrote, in MQTT 3.1.1 and 5.0', () => {
    fc.assert(
      fc.property(
        topics,
        fc.uint8Array({ maxLength: 50 }),
        fc.constantFrom(0 as const, 1 as const, 2 as const),
        fc.boolean(),
        fc.integer({ min: 1, max: 0xffff }),
        fc.constantFrom(4 as const, 5 as const),
        (topic, payload, qos, retain, messageId, version) => {
          const packet = publishPacket(topic, Buffer.from(payload), { qos, retain, messageId });
          expect(parseAll(version, generate(packet, { protocolVersion: version }))).toEqual([
            {
              topic,
              qos,
              isRetained: retain,
              messageId: qos === 0 ? 0 : messageId,
              payload: Buffer.from(payload),
              properties: undefined,
            },
          ]);
        },
      ),
    );
  });

  test('reads the properties that mqtt-packet wrote, and gives local subscribers the same', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            payloadFormatIndicator: fc.boolean(),
            messageExpiryInterval: fc.nat(),
            contentType: text,
            responseTopic: topics,
            correlationData: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
            userProperties: fc.dictionary(
              text.filter((s) => s !== '' && s !== '__proto__'),
              fc.array(text, { minLength: 1, maxLength: 3 }),
              { minKeys: 1, maxKeys: 4, noNullPrototype: true },
            ),
          },
          { requiredKeys: [] },
        ),
        (properties) => {
          const given = properties as PacketProperties;
          const [parsed] = parseAll(5, v5('t', given));
          const own = parsed!.properties ?? {};
          expect(own).toEqual(fromPacketProperties(given));
          expect(toPacketProperties(own)).toEqual(toPacketProperties(fromPacketProperties(given)));
        },
      ),
    );
  });

  test('a topic alias stands for the topic it was given last', () => {
    const parsed = parseAll(
      5,
      v5('a', { topicAlias: 1 }),
      v5('b', { topicAlias: TOPIC_ALIAS_MAX }),
      v5('', { topicAlias: 1 }),
      v5('c', { topicAlias: 1 }),
      v5('', { topicAlias: 1 }),
      v5('', { topicAlias: TOPIC_ALIAS_MAX }),
    );
    expect(parsed.map(({ topic }) => topic)).toEqual(['a', 'b', 'a', 'c', 'c', 'b']);
  });

  test('topics with aliases cannot fill the memory', () => {
    const long = (i: number) => v5(`${i}`.padEnd(10_000, 'x'), { topicAlias: i });
    const fault = faultOf(...Array.from({ length: 10 }, (_, i) => long(i + 1)));
    expect(fault.reasonCode).toBe(Reason.QUOTA_EXCEEDED);
  });

  test.each([
    ['an alias never given', v5('', { topicAlias: 7 }), Reason.TOPIC_ALIAS_INVALID],
    ['an alias over the maximum', v5('t', { topicAlias: TOPIC_ALIAS_MAX + 1 }), Reason.TOPIC_ALIAS_INVALID],
    ['no topic', Buffer.from([0x30, 0]), Reason.MALFORMED_PACKET],
    ['an empty topic', Buffer.from([0x30, 3, 0, 0, 0]), Reason.PROTOCOL_ERROR],
    ['a topic longer than its packet', Buffer.from([0x30, 3, 0, 9, 0x61]), Reason.MALFORMED_PACKET],
    ['a wildcard', Buffer.from([0x30, 4, 0, 1, 0x23, 0]), Reason.TOPIC_NAME_INVALID],
    ['a topic that is not UTF-8', Buffer.from([0x30, 4, 0, 1, 0xff, 0]), Reason.MALFORMED_PACKET],
    ['U+0000 in the topic', Buffer.from([0x30, 4, 0, 1, 0, 0]), Reason.MALFORMED_PACKET],
    ['QoS 3', Buffer.from([0x36, 6, 0, 1, 0x61, 0, 1, 0]), Reason.MALFORMED_PACKET],
    ['packet id 0', Buffer.from([0x32, 6, 0, 1, 0x61, 0, 0, 0]), Reason.PROTOCOL_ERROR],
    ['properties longer than the packet', Buffer.from([0x30, 4, 0, 1, 0x61, 9]), Reason.MALFORMED_PACKET],
    ['an unknown property', Buffer.from([0x30, 6, 0, 1, 0x61, 2, 0x7f, 0]), Reason.PROTOCOL_ERROR],
    ['a property twice', Buffer.from([0x30, 8, 0, 1, 0x61, 4, 1, 1, 1, 1]), Reason.PROTOCOL_ERROR],
    ['a property cut short', Buffer.from([0x30, 6, 0, 1, 0x61, 2, 3, 9]), Reason.MALFORMED_PACKET],
  ])('%s is refused', (_, packet, reasonCode) => {
    expect(faultOf(packet).reasonCode).toBe(reasonCode);
  });

  test('any bytes in a PUBLISH give a message or a fault: nothing else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.nat(15),
        fc.constantFrom(4 as const, 5 as const),
        (body, flags, version) => {
          try {
            parseAll(version, Buffer.from([0x30 | flags, body.length, ...body]));
          } catch (error) {
            expect(error).toBeInstanceOf(MqttFault);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

test('no device can give its records the headers of the gateway', () => {
  const headers = headersOf({
    user: [
      ['edgelog.source', 'mqtt:other'],
      ['unit', 'C'],
    ],
    contentType: 'text/plain',
  });
  expect(headers.map(({ key, value }) => [key, value?.toString()])).toEqual([
    ['mqtt.edgelog.source', 'mqtt:other'],
    ['unit', 'C'],
    ['content-type', 'text/plain'],
  ]);
});
