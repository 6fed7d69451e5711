/** Sequence numbers count 0 … 2^31 − 1 and wrap to 0 [KIP-98]. */
export const SEQUENCE_MODULUS = 2 ** 31;

/** Producer ids from here to 2^53 − 1 belong to the runs of edge logs; InitProducerId never gives one out. */
export const RESERVED_PRODUCER_ID_MIN = 2 ** 52;

/** The sequence number of the record at this edge offset (≥ 0), so that the two never disagree. */
export function sequenceOf(offset: number): number {
  return offset % SEQUENCE_MODULUS;
}

export function isReservedProducerId(producerId: number): boolean {
  return producerId >= RESERVED_PRODUCER_ID_MIN && producerId <= Number.MAX_SAFE_INTEGER;
}
