/** The few MQTT 3.1.1 packets that the load generator needs, encoded by hand so that it costs next to nothing. */

function remainingLength(length: number): Buffer {
  const bytes: number[] = [];
  do {
    const low = length % 128;
    length = Math.floor(length / 128);
    bytes.push(length > 0 ? low | 0x80 : low);
  } while (length > 0);
  return Buffer.from(bytes);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function packet(first: number, ...body: Buffer[]): Buffer {
  const payload = Buffer.concat(body);
  return Buffer.concat([Buffer.from([first]), remainingLength(payload.length), payload]);
}

export const CONNACK_BYTES = 4;
export const PUBACK_BYTES = 4;

export function connect(clientId: string): Buffer {
  return packet(0x10, text('MQTT'), Buffer.from([4, 0x02, 0, 0]), text(clientId));
}

export function publish(topic: string, payload: Buffer, qos: 0 | 1 | 2, messageId: number): Buffer {
  const id = Buffer.alloc(qos > 0 ? 2 : 0);
  if (qos > 0) id.writeUInt16BE(messageId);
  return packet(0x30 | (qos << 1), text(topic), id, payload);
}
