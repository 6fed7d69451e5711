/** What the guard found in the bytes of one read. */
export interface PacketFault {
  /** Bytes before the packet at fault, which are good. */
  goodBytes: number;
  reason: string;
  /** Of a PUBLISH, as far as it has arrived. */
  topic: string | undefined;
  /** Announced size of the packet. */
  sizeBytes: number | undefined;
}

const CONNECT = 1;
const PUBLISH = 3;
const LENGTH_BYTES_MAX = 4;

/**
 * Follows packet boundaries in a byte stream, so that a packet over the limit is refused when it announces itself and
 * not after it was buffered, and a stream that does not begin with CONNECT at its first byte [MQTT-3.1.0-1].
 * Everything else is for the parser to judge.
 */
export class PacketGuard {
  readonly #maxPacketBytes: number;
  #isFirst = true;
  /** Bytes of the present packet that are still to come. */
  #skip = 0;
  /** The fixed header as far as it has arrived, when it was cut by a read. */
  #head: number[] = [];

  constructor(maxPacketBytes: number) {
    this.#maxPacketBytes = maxPacketBytes;
  }

  scan(bytes: Buffer): PacketFault | undefined {
    let at = 0;
    for (;;) {
      if (this.#skip >= bytes.length - at) {
        this.#skip -= bytes.length - at;
        return undefined;
      }
      at += this.#skip;
      this.#skip = 0;
      const start = at;
      for (let complete = false; !complete; at++) {
        if (at === bytes.length) return undefined;
        const byte = bytes[at]!;
        this.#head.push(byte);
        if (this.#head.length === 1) {
          if (this.#isFirst && byte >> 4 !== CONNECT) return this.#fault(bytes, 0, notMqtt(bytes));
          continue;
        }
        complete = byte < 0x80;
        if (!complete && this.#head.length > LENGTH_BYTES_MAX) {
          return this.#fault(bytes, start, 'malformed remaining length [MQTT-2.2.3]');
        }
      }
      this.#isFirst = false;
      const sizeBytes = this.#remainingLength();
      if (sizeBytes > this.#maxPacketBytes) {
        const isPublish = this.#head[0]! >> 4 === PUBLISH;
        const topic = isPublish ? topicAt(bytes, at) : undefined;
        return { ...this.#fault(bytes, start, 'packet over the limit'), topic, sizeBytes };
      }
      this.#skip = sizeBytes;
      this.#head.length = 0;
    }
  }

  #remainingLength(): number {
    return this.#head.slice(1).reduce((length, byte, i) => length + (byte & 0x7f) * 128 ** i, 0);
  }

  #fault(bytes: Buffer, start: number, reason: string): PacketFault {
    return { goodBytes: Math.min(start, bytes.length), reason, topic: undefined, sizeBytes: undefined };
  }
}

function notMqtt(bytes: Buffer): string {
  const isHttp = /^[A-Z]{3,8} \S* ?H?/.test(bytes.toString('latin1', 0, 32));
  return isHttp
    ? 'this looks like HTTP, the port speaks MQTT'
    : 'the first packet is not CONNECT [MQTT-3.1.0-1]';
}

function topicAt(bytes: Buffer, at: number): string | undefined {
  if (bytes.length < at + 2) return undefined;
  return bytes.toString('utf8', at + 2, at + 2 + bytes.readUInt16BE(at));
}
