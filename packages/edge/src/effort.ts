import type { CompressionEffort } from '@edgelog/wire';

/** Of a stream that brings less there is time to compress well: it takes less than a hundredth of a core. */
const SLOW_BYTES_PER_MS = 512;

/** How hard to compress a batch that grew to so many bytes in so long: what comes slowly travels small, a flood is let through. */
export function effortFor(sizeBytes: number, tookMs: number): CompressionEffort {
  return sizeBytes <= SLOW_BYTES_PER_MS * tookMs ? 'high' : 'usual';
}
