import { EdgelogError } from '@edgelog/base';

/** `high` is for what comes slowly and travels far: some three times the CPU for a tenth to a fifth less, where the codec has it. */
export type CompressionEffort = 'usual' | 'high';

export interface Codec {
  /** Off the calling thread. `bytes` must not change until the promise settles. */
  compress(bytes: Buffer, effort: CompressionEffort): Promise<Buffer>;
  compressSync(bytes: Buffer, effort: CompressionEffort): Buffer;
  /** Throws CORRUPT_BATCH, or LIMIT_EXCEEDED before more than about `bytesMax` is allocated. */
  decompress(bytes: Buffer, bytesMax: number): Buffer;
}

export function corruptCompression(codec: string, what: string, cause?: unknown): EdgelogError {
  return new EdgelogError('CORRUPT_BATCH', `${codec} records: ${what}`, { cause });
}

export function tooLarge(codec: string, bytesMax: number): EdgelogError {
  return new EdgelogError('LIMIT_EXCEEDED', `${codec} records decompress to more than ${bytesMax} bytes`);
}
