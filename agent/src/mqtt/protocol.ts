/** Types of control packets [MQTT-2.2.1]: upper half of the first byte. */
export const PacketType = { CONNECT: 1, PUBLISH: 3, PUBREL: 6, SUBSCRIBE: 8, UNSUBSCRIBE: 10 } as const;

/** First bytes of the acknowledgements of a publisher's messages. */
export const AckType = { PUBACK: 0x40, PUBREC: 0x50, PUBCOMP: 0x70 } as const;

/** Reason codes of MQTT 5.0 [MQTT5-2.4] that the gateway gives; earlier versions have the end of the connection only. */
export const Reason = {
  UNSPECIFIED: 0x80,
  MALFORMED_PACKET: 0x81,
  PROTOCOL_ERROR: 0x82,
  UNSUPPORTED_PROTOCOL_VERSION: 0x84,
  NOT_AUTHORIZED: 0x87,
  SERVER_SHUTTING_DOWN: 0x8b,
  KEEP_ALIVE_TIMEOUT: 0x8d,
  TOPIC_FILTER_INVALID: 0x8f,
  TOPIC_NAME_INVALID: 0x90,
  RECEIVE_MAXIMUM_EXCEEDED: 0x93,
  TOPIC_ALIAS_INVALID: 0x94,
  PACKET_TOO_LARGE: 0x95,
  QUOTA_EXCEEDED: 0x97,
} as const;

export type ReasonCode = (typeof Reason)[keyof typeof Reason];

/** What ends a connection: a violation of the protocol, or a limit that no acknowledgement can name. */
export class MqttFault extends Error {
  override readonly name = 'MqttFault';
  readonly reasonCode: ReasonCode;
  /** Of a PUBLISH, as far as it has arrived. */
  readonly topic: string | undefined;
  /** Announced size of a packet over the limit. */
  readonly sizeBytes: number | undefined;
  /** What a CONNECT is answered, where it is answered. */
  readonly connack: Buffer | undefined;

  constructor(
    reasonCode: ReasonCode,
    message: string,
    about: { topic?: string | undefined; sizeBytes?: number; connack?: Buffer } = {},
  ) {
    super(message);
    this.reasonCode = reasonCode;
    this.topic = about.topic;
    this.sizeBytes = about.sizeBytes;
    this.connack = about.connack;
  }
}
