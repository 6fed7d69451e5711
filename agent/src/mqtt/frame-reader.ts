import { MqttFault, PacketType, Reason } from './protocol.ts';

const LENGTH_BYTES_MAX = 4;
/** Client id, user name, password, will topic and will message, of at most 64 KiB each. */
const CONNECT_BYTES_MAX = 384 * 1024;
const NOTHING = Buffer.alloc(0);
/** A piece costs some hundred bytes beside its own: short ones are put together in blocks of this size. */
const BLOCK_BYTES = 4096;

/**
 * Cuts a byte stream into control packets. A packet over the limit is refused when it announces itself and not after
 * it was buffered, and so is a stream that does not begin with CONNECT at its first byte [MQTT-3.1.0-1].
 *
 * `next` moves to the next complete packet; `type`, `flags`, `start`, `bodyAt` and `end` then say where it lies in
 * `bytes`, until `next` or `push` is called again.
 */
export class FrameReader {
  bytes: Buffer = NOTHING;
  type = 0;
  flags = 0;
  start = 0;
  bodyAt = 0;
  end = 0;
  readonly #maxPacketBytes: number;
  #isFirst = true;
  /** Pieces of a packet that is not complete, and the bytes that it takes to go on. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #neededBytes = 0;
  /** What the last piece is the beginning of, if short ones are put together there. */
  #block: Buffer = NOTHING;

  constructor(maxPacketBytes: number) {
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** Bytes of a packet that has not arrived wholly. */
  get partialBytes(): number {
    return this.#pieceBytes;
  }

  /** There are bytes behind the packet that `next` moved to. */
  get hasMore(): boolean {
    return this.end < this.bytes.length;
  }

  /** Forgets what there is of a packet that has not arrived wholly; nothing more is to be pushed. */
  drop(): void {
    this.#pieces = [];
    this.#block = NOTHING;
    this.#pieceBytes = 0;
  }

  /** To be called only after `next` has answered false. */
  push(chunk: Buffer): void {
    if (this.#pieces.length === 0) {
      this.#setBytes(chunk);
      return;
    }
    this.#addPiece(chunk);
    this.#pieceBytes += chunk.length;
    if (this.#pieceBytes < this.#neededBytes) return;
    const bytes = Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#pieces = [];
    this.#block = NOTHING;
    this.#pieceBytes = 0;
    this.#setBytes(bytes);
  }

  #addPiece(chunk: Buffer): void {
    if (chunk.length >= BLOCK_BYTES / 2) {
      this.#block = NOTHING;
      this.#pieces.push(chunk);
      return;
    }
    const used = this.#block === NOTHING ? BLOCK_BYTES : this.#pieces.at(-1)!.length;
    if (used + chunk.length > BLOCK_BYTES) {
      this.#block = Buffer.allocUnsafe(BLOCK_BYTES);
      chunk.copy(this.#block);
      this.#pieces.push(this.#block.subarray(0, chunk.length));
      return;
    }
    chunk.copy(this.#block, used);
    this.#pieces[this.#pieces.length - 1] = this.#block.subarray(0, used + chunk.length);
  }

  /** False when more bytes are needed. Throws MqttFault. */
  next(): boolean {
    const { bytes } = this;
    const start = this.end;
    if (start === bytes.length) return false;
    const first = bytes[start]!;
    if (this.#isFirst && first >> 4 !== PacketType.CONNECT) {
      throw new MqttFault(Reason.PROTOCOL_ERROR, notMqtt(bytes));
    }
    let at = start + 1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (at === bytes.length) return this.#keep(start, at - start + 1);
      const byte = bytes[at++]!;
      length += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      if (at - start > LENGTH_BYTES_MAX) {
        throw new MqttFault(Reason.MALFORMED_PACKET, 'malformed remaining length [MQTT-2.2.3]');
      }
    }
    const end = at + length;
    this.type = first >> 4;
    this.flags = first & 0x0f;
    if (end - start > (this.#isFirst ? CONNECT_BYTES_MAX : this.#maxPacketBytes)) {
      const topic = this.type === PacketType.PUBLISH ? topicAt(bytes, at) : undefined;
      throw new MqttFault(Reason.PACKET_TOO_LARGE, 'packet over the limit', {
        topic,
        sizeBytes: end - start,
      });
    }
    if (end > bytes.length) return this.#keep(start, end - start);
    this.#isFirst = false;
    this.start = start;
    this.bodyAt = at;
    this.end = end;
    return true;
  }

  #setBytes(bytes: Buffer): void {
    this.bytes = bytes;
    this.end = 0;
  }

  #keep(start: number, neededBytes: number): false {
    const rest = this.bytes.subarray(start);
    this.#pieces = [rest];
    this.#pieceBytes = rest.length;
    this.#neededBytes = neededBytes;
    this.#setBytes(NOTHING);
    return false;
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
