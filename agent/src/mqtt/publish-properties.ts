import { isUtf8 } from 'node:buffer';
import type { MessageProperties } from './message-properties.ts';
import { MqttFault, Reason } from './protocol.ts';

/** What a PUBLISH of MQTT 5.0 carries beside the message. */
export interface PublishProperties extends MessageProperties {
  topicAlias?: number;
}

/** Identifiers of the properties that a client may give a PUBLISH [MQTT5-2.2.2.2]. */
const Property = {
  PAYLOAD_FORMAT: 0x01,
  MESSAGE_EXPIRY: 0x02,
  CONTENT_TYPE: 0x03,
  RESPONSE_TOPIC: 0x08,
  CORRELATION_DATA: 0x09,
  TOPIC_ALIAS: 0x23,
  USER: 0x26,
} as const;

const LENGTH_BYTES_MAX = 4;

/**
 * Reads the properties of a PUBLISH at `at`, at most up to `end`. Answers where the payload begins, and the properties
 * if there are any. Throws MqttFault for what is malformed or given twice [MQTT5-2.2.2.2].
 */
export function readPublishProperties(
  bytes: Buffer,
  at: number,
  end: number,
): { properties: PublishProperties | undefined; payloadAt: number } {
  const cursor = new Cursor(bytes, at, end);
  const length = cursor.varint();
  const payloadAt = cursor.at + length;
  if (length === 0) return { properties: undefined, payloadAt };
  if (payloadAt > end) throw malformed('properties longer than their packet');
  return { properties: readAll(new Cursor(bytes, cursor.at, payloadAt)), payloadAt };
}

function readAll(cursor: Cursor): PublishProperties {
  const properties: PublishProperties = {};
  const once = <K extends keyof PublishProperties>(key: K, value: PublishProperties[K]): void => {
    if (properties[key] !== undefined)
      throw new MqttFault(Reason.PROTOCOL_ERROR, 'a property is given twice');
    properties[key] = value;
  };
  while (!cursor.isAtEnd) {
    const id = cursor.byte();
    if (id === Property.USER) {
      properties.user ??= [];
      properties.user.push([cursor.text(), cursor.text()]);
    } else if (id === Property.PAYLOAD_FORMAT) once('isUtf8', cursor.byte() === 1);
    else if (id === Property.MESSAGE_EXPIRY) once('expirySeconds', cursor.u32());
    else if (id === Property.CONTENT_TYPE) once('contentType', cursor.text());
    else if (id === Property.RESPONSE_TOPIC) once('responseTopic', topicName(cursor.text()));
    else if (id === Property.CORRELATION_DATA) once('correlationData', cursor.binary());
    else if (id === Property.TOPIC_ALIAS) once('topicAlias', cursor.u16());
    else throw new MqttFault(Reason.PROTOCOL_ERROR, `a PUBLISH cannot have property ${id}`);
  }
  return properties;
}

function topicName(text: string): string {
  if (!/[#+]/.test(text)) return text;
  throw new MqttFault(Reason.PROTOCOL_ERROR, 'a wildcard in the response topic [MQTT5-3.3.2-14]');
}

function malformed(what: string): MqttFault {
  return new MqttFault(Reason.MALFORMED_PACKET, `malformed PUBLISH: ${what}`);
}

class Cursor {
  at: number;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.at === this.#end;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  varint(): number {
    let value = 0;
    for (let i = 0; i < LENGTH_BYTES_MAX; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    throw malformed('a length of more than 4 bytes');
  }

  binary(): Buffer {
    const length = this.u16();
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(): string {
    const bytes = this.binary();
    if (!isUtf8(bytes)) throw malformed('a string that is not UTF-8 [MQTT5-1.5.4-1]');
    return bytes.toString('utf8');
  }

  #take(length: number): number {
    const from = this.at;
    this.at += length;
    if (this.at > this.#end) throw malformed('it ends within a field');
    return from;
  }
}
