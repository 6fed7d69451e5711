import { sentWidth } from './check.ts';
import type { Framer, FramerEvents } from './framer.ts';
import { SizedFramer, type SizedOptions } from './sized.ts';

export interface LengthPrefixOptions extends SizedOptions {
  /** Bytes before the length. */
  offset: number;
  width: 1 | 2 | 4;
  endian: 'be' | 'le';
  /** What the length counts: the bytes `behind` it with the checksum, the `content` alone, or the whole `frame`. */
  counts: 'behind' | 'content' | 'frame';
  /** Whether what is before the content (bytes before the length, the length) is part of what is emitted. */
  keepHeader: boolean;
  /** Largest size on the line; a length beyond it is noise. */
  maxBytes: number;
}

/** Frames that tell their size. Noise is recognised by an impossible length, `sync`, checksum, or silence. */
export function lengthPrefixFramer(options: LengthPrefixOptions, events: FramerEvents): Framer {
  const { offset, width, endian, counts, maxBytes, checksum, keepHeader } = options;
  const header = offset + width;
  const trailer = checksum === undefined ? 0 : sentWidth(checksum);
  const added = { frame: 0, behind: header, content: header + trailer }[counts];
  return new SizedFramer(
    {
      ...options,
      contentFrom: keepHeader ? 0 : header,
      sizeOf(bytes) {
        if (bytes.length < header) return undefined;
        const length = endian === 'be' ? bytes.readUIntBE(offset, width) : bytes.readUIntLE(offset, width);
        const size = length + added;
        return size < header + trailer || size > maxBytes ? 0 : size;
      },
    },
    events,
  );
}
