const SIZE_AT = 8;
const LAST_OFFSET_DELTA_AT = 23;
const HEADER_BYTES = 61;

/**
 * The offset after the last whole batch of a fetch's records; `offset` where there is none. Looks at nothing else, so that the
 * broker is measured and not the consumer.
 */
export function offsetAfter(records: Buffer, offset: number): number {
  let next = offset;
  for (let at = 0; at + HEADER_BYTES <= records.length; ) {
    const end = at + SIZE_AT + 4 + records.readInt32BE(at + SIZE_AT);
    if (end > records.length) break;
    next = Number(records.readBigInt64BE(at)) + records.readInt32BE(at + LAST_OFFSET_DELTA_AT) + 1;
    at = end;
  }
  return next;
}
