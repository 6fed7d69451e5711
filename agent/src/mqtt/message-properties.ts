import type { RecordHeader } from '@edgelog/wire';
import type { IPublishPacket } from 'mqtt-packet';

/** Properties of a message as MQTT packets have them in JavaScript. */
export type PacketProperties = NonNullable<IPublishPacket['properties']>;

/** Properties of a message [MQTT5-3.3.2.3], user properties in the order they came. */
export interface MessageProperties {
  isUtf8?: boolean;
  expirySeconds?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Buffer;
  user?: [name: string, value: string][];
}

/** Header names that only the gateway may give; a device's own of this kind are set apart. */
const RESERVED = 'edgelog.';
const SET_APART = 'mqtt.';

/**
 * What of a message's properties goes into its record: user properties under their own names, and `content-type`,
 * `mqtt.response-topic`, `mqtt.correlation-data`, `mqtt.payload-format`. A user property `edgelog.…` becomes
 * `mqtt.edgelog.…`, so that no device can name another source. The expiry is no header: the log keeps what it took.
 */
export function headersOf(properties: MessageProperties): RecordHeader[] {
  const headers: RecordHeader[] = [];
  const add = (key: string, value: string) => void headers.push({ key, value: Buffer.from(value) });
  for (const [name, value] of properties.user ?? []) {
    add(name.startsWith(RESERVED) ? SET_APART + name : name, value);
  }
  if (properties.contentType !== undefined) add('content-type', properties.contentType);
  if (properties.responseTopic !== undefined) add('mqtt.response-topic', properties.responseTopic);
  if (properties.correlationData !== undefined) {
    headers.push({ key: 'mqtt.correlation-data', value: properties.correlationData });
  }
  if (properties.isUtf8 === true) add('mqtt.payload-format', 'utf-8');
  return headers;
}

/** For local subscribers, which aedes and mqtt-packet serve. */
export function toPacketProperties(properties: MessageProperties): PacketProperties {
  const { isUtf8, expirySeconds, contentType, responseTopic, correlationData, user } = properties;
  const packet: PacketProperties = {};
  if (isUtf8 !== undefined) packet.payloadFormatIndicator = isUtf8;
  if (expirySeconds !== undefined) packet.messageExpiryInterval = expirySeconds;
  if (contentType !== undefined) packet.contentType = contentType;
  if (responseTopic !== undefined) packet.responseTopic = responseTopic;
  if (correlationData !== undefined) packet.correlationData = Buffer.from(correlationData);
  if (user !== undefined) {
    const all: Record<string, string[]> = Object.create(null);
    for (const [name, value] of user) {
      all[name] ??= [];
      all[name].push(value);
    }
    packet.userProperties = all;
  }
  return packet;
}

/** Of a last will, or of a message that mqtt.js received. */
export function fromPacketProperties(packet: PacketProperties): MessageProperties {
  const user = Object.entries(packet.userProperties ?? {}).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value): [string, string] => [name, value]),
  );
  return {
    ...(packet.payloadFormatIndicator !== undefined && { isUtf8: packet.payloadFormatIndicator }),
    ...(packet.messageExpiryInterval !== undefined && { expirySeconds: packet.messageExpiryInterval }),
    ...(packet.contentType !== undefined && { contentType: packet.contentType }),
    ...(packet.responseTopic !== undefined && { responseTopic: packet.responseTopic }),
    ...(packet.correlationData !== undefined && { correlationData: packet.correlationData }),
    ...(user.length > 0 && { user }),
  };
}
