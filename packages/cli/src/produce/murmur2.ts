const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/** The hash by which Kafka's Java producer spreads keys: a non-negative 32-bit whole number. */
export function murmur2(data: Buffer): number {
  let h = SEED ^ data.length;
  const words = data.length >>> 2;
  for (let i = 0; i < words; i++) {
    let k = Math.imul(data.readInt32LE(i * 4), M);
    k ^= k >>> R;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const at = words * 4;
  const rest = data.length - at;
  if (rest >= 3) h ^= data[at + 2]! << 16;
  if (rest >= 2) h ^= data[at + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ data[at]!, M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  h ^= h >>> 15;
  return h & 0x7fffffff;
}
