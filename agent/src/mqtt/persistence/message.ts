import { assert } from '@edgelog/base';
import type { IPublishPacket } from 'mqtt-packet';
import type { Owner } from './owner.ts';

type Properties = NonNullable<IPublishPacket['properties']>;

/** A message as it is kept for local subscribers. */
export interface Message {
  topic: string;
  payload: Buffer;
  qos: 0 | 1 | 2;
  retain: boolean;
  properties?: Properties;
  /** When it expires, ms since 1970 (MQTT 5). */
  expiry?: number;
  /** Of a will: whose, and which run of the broker took it. */
  clientId?: string;
  brokerId?: string;
  owner?: Owner;
}

interface Header extends Omit<Message, 'payload' | 'properties'> {
  properties?: Omit<Properties, 'correlationData'> & { correlationData?: string };
}

const LENGTH_BYTES = 4;

/** The message in a buffer of its own: a view would keep all that came in the same read. */
export function encodeMessage({ payload, properties, ...rest }: Message): Buffer {
  const header: Header = rest;
  if (properties !== undefined) {
    const { correlationData, topicAlias: _, ...others } = properties;
    header.properties = others;
    if (correlationData !== undefined) header.properties.correlationData = correlationData.toString('base64');
  }
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + json.length + payload.length);
  bytes.writeUInt32BE(json.length);
  json.copy(bytes, LENGTH_BYTES);
  payload.copy(bytes, LENGTH_BYTES + json.length);
  return bytes;
}

/** What `encodeMessage` was given; the payload is a view. */
export function decodeMessage(bytes: Buffer): Message {
  const end = LENGTH_BYTES + bytes.readUInt32BE();
  assert(end <= bytes.length, `a message of ${bytes.length} bytes with a header up to ${end}`);
  const { properties, ...rest } = JSON.parse(bytes.toString('utf8', LENGTH_BYTES, end)) as Header;
  const message: Message = { ...rest, payload: bytes.subarray(end) };
  if (properties === undefined) return message;
  const { correlationData, ...others } = properties;
  message.properties = others;
  if (correlationData !== undefined) {
    message.properties.correlationData = Buffer.from(correlationData, 'base64');
  }
  return message;
}

/** A message's properties when it is sent: what is left of its life is told [MQTT-3.3.2-6]. */
export function propertiesNow({ properties, expiry }: Message, now: number): Properties | undefined {
  if (expiry === undefined) return properties;
  return { ...properties, messageExpiryInterval: Math.max(1, Math.ceil((expiry - now) / 1000)) };
}
