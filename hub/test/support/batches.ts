import { RecordsEncoder, type SealOptions } from '@edgelog/wire';

/** One sealed batch of text values, all with the same key or none. */
export function batchOf(
  values: readonly string[],
  options: Partial<SealOptions> & { timestamp?: number; key?: string | null } = {},
): Buffer {
  const { timestamp = 1_700_000_000_000, key = null, ...seal } = options;
  const encoder = new RecordsEncoder({ baseOffset: 0, baseTimestamp: timestamp });
  for (const value of values) encoder.append({ timestamp, key, value: Buffer.from(value) });
  return encoder.sealSync({
    compression: 'none',
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    ...seal,
  });
}
