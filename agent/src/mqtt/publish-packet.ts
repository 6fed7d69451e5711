import { isUtf8 } from 'node:buffer';
import type { FrameReader } from './frame-reader.ts';
import { MqttFault, Reason } from './protocol.ts';
import { type PublishProperties, readPublishProperties } from './publish-properties.ts';
import { TopicAliases } from './topic-aliases.ts';

/** A message as a device sent it. `payload` is a view on what was read from the socket. */
export interface PublishPacket {
  topic: string;
  qos: 0 | 1 | 2;
  isRetained: boolean;
  /** 0 at QoS 0. */
  messageId: number;
  payload: Buffer;
  properties: PublishProperties | undefined;
}

/** Parses the PUBLISH packets of one connection. */
export class PublishParser {
  /** Of MQTT: 3, 4 or 5. */
  readonly #version: number;
  readonly #aliases = new TopicAliases();
  /** A device tends to publish to one topic: its bytes and its string, made once. */
  #lastBytes: Buffer = Buffer.alloc(0);
  #lastTopic = '';

  constructor(version: number) {
    this.#version = version;
  }

  /** The packet that `frames` stands at. Throws MqttFault. */
  parse(frames: FrameReader): PublishPacket {
    const { bytes, flags, end, bodyAt } = frames;
    const qos = (flags >> 1) & 3;
    if (qos === 3) throw malformed('QoS 3 [MQTT-3.3.1-4]');
    if (bodyAt + 2 > end) throw malformed('no topic');
    const topicAt = bodyAt + 2;
    const topicEnd = topicAt + bytes.readUInt16BE(bodyAt);
    let at = topicEnd;
    if (qos > 0) at += 2;
    if (at > end) throw malformed('it ends within a field');
    const messageId = qos > 0 ? bytes.readUInt16BE(topicEnd) : 0;
    if (qos > 0 && messageId === 0) throw malformed('packet id 0 [MQTT-2.3.1-1]', Reason.PROTOCOL_ERROR);
    let topic = this.#topic(bytes, topicAt, topicEnd);
    let properties: PublishProperties | undefined;
    if (this.#version === 5) {
      const read = readPublishProperties(bytes, at, end);
      at = read.payloadAt;
      properties = read.properties;
      if (properties?.topicAlias !== undefined) topic = this.#aliases.resolve(properties.topicAlias, topic);
    }
    if (topic === '') throw malformed('an empty topic', Reason.PROTOCOL_ERROR);
    return {
      topic,
      qos: qos as 0 | 1 | 2,
      isRetained: (flags & 1) === 1,
      messageId,
      payload: bytes.subarray(at, end),
      properties,
    };
  }

  /** For the few bytes of a topic faster than a call out of JavaScript. */
  #isLast(bytes: Buffer, from: number, to: number): boolean {
    const last = this.#lastBytes;
    if (to - from !== last.length) return false;
    for (let i = 0; i < last.length; i++) if (bytes[from + i] !== last[i]) return false;
    return true;
  }

  #topic(bytes: Buffer, from: number, to: number): string {
    if (this.#isLast(bytes, from, to)) return this.#lastTopic;
    const raw = bytes.subarray(from, to);
    if (!isUtf8(raw)) throw malformed('a topic that is not UTF-8 [MQTT-1.5.3-1]');
    const topic = raw.toString('utf8');
    if (topic.includes('\0')) throw malformed('U+0000 in the topic [MQTT-1.5.3-2]');
    if (/[#+]/.test(topic))
      throw malformed('a wildcard in the topic [MQTT-3.3.2-2]', Reason.TOPIC_NAME_INVALID);
    this.#lastBytes = Buffer.from(raw);
    this.#lastTopic = topic;
    return topic;
  }
}

function malformed(
  what: string,
  reason:
    | typeof Reason.MALFORMED_PACKET
    | typeof Reason.PROTOCOL_ERROR
    | typeof Reason.TOPIC_NAME_INVALID = Reason.MALFORMED_PACKET,
): MqttFault {
  return new MqttFault(reason, `malformed PUBLISH: ${what}`);
}
