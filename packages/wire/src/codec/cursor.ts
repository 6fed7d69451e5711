import { Fault } from './fault.ts';

/** A position in bytes that came from outside. Every step is checked against the end. */
export class Cursor {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;
  /** Array elements so far. */
  elements = 0;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = bytes.length;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Steps over `count` bytes and returns where they begin. */
  take(count: number): number {
    const at = this.at;
    if (count > this.end - at) {
      throw new Fault('corrupt', `${count} bytes needed, ${this.end - at} left`, at);
    }
    this.at = at + count;
    return at;
  }

  byte(): number {
    return this.bytes.readUInt8(this.take(1));
  }

  /** Unsigned varint of at most 32 bits [KIP-482]. */
  uvarint(): number {
    const at = this.at;
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (value < 2 ** 32) return value;
        break;
      }
    }
    throw new Fault('corrupt', 'varint of more than 32 bits', at);
  }

  /** Steps over a section of tagged fields, none of which is known here. */
  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint();
      this.take(this.uvarint());
    }
  }
}
