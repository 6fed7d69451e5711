import type { AckType, ReasonCode } from './protocol.ts';

const CONNACK = 0x20;
const DISCONNECT = 0xe0;
const REASON_STRING = 0x1f;
/** Of the reason in words: UTF-8 of it fits a length of two bytes with room to spare. */
const REASON_CHARS_MAX = 200;

/** CONNACK of MQTT 3.1.1 with return code 1: unacceptable protocol level [MQTT-3.2.2-4]. */
export const UNACCEPTABLE_LEVEL = packet(CONNACK, [0, 1]);

/** CONNACK of MQTT 5.0 with a reason code: no session, no properties [MQTT5-3.2.2]. */
export function connectRefusal(reasonCode: ReasonCode): Buffer {
  return packet(CONNACK, [0, reasonCode, 0]);
}

/** PUBACK or PUBREC of MQTT 5.0 with a reason code and, where the client wants it, the reason in words [MQTT5-3.4.2]. */
export function refusal(
  type: typeof AckType.PUBACK | typeof AckType.PUBREC,
  messageId: number,
  reasonCode: ReasonCode,
  reason?: string,
): Buffer {
  return packet(type, [messageId >> 8, messageId & 0xff, reasonCode, ...reasonString(reason)]);
}

/** DISCONNECT of MQTT 5.0 [MQTT5-3.14]. */
export function disconnection(reasonCode: ReasonCode, reason?: string): Buffer {
  return packet(DISCONNECT, [reasonCode, ...reasonString(reason)]);
}

function packet(firstByte: number, body: readonly number[]): Buffer {
  return Buffer.from([firstByte, ...varint(body.length), ...body]);
}

/** All properties of the packet. */
function reasonString(reason: string | undefined): readonly number[] {
  if (reason === undefined) return [0];
  const words = Buffer.from(reason.slice(0, REASON_CHARS_MAX));
  const property = [REASON_STRING, words.length >> 8, words.length & 0xff, ...words];
  return [...varint(property.length), ...property];
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}
