import { sentWidth } from './check.ts';
import type { Framer, FramerEvents } from './framer.ts';
import { SizedFramer, type SizedOptions } from './sized.ts';

export interface FixedOptions extends SizedOptions {
  /** Size on the line, with `sync` and checksum. */
  bytes: number;
}

/**
 * Frames of one size; the content is what is between `sync` and checksum. Where there is neither, only a silence tells where
 * a frame begins.
 */
export function fixedFramer(options: FixedOptions, events: FramerEvents): Framer {
  return new SizedFramer(
    { ...options, sizeOf: () => options.bytes, contentFrom: options.sync.length },
    events,
  );
}

/** Bytes of a fixed frame that are not content. */
export function fixedOverhead({ sync, checksum }: Pick<SizedOptions, 'sync' | 'checksum'>): number {
  return sync.length + (checksum === undefined ? 0 : sentWidth(checksum));
}
