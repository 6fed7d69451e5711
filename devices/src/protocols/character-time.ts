import type { LineSettings } from '../profiles/decoder.ts';

/** How long one character takes on the line: start bit, data, parity, stop. */
export function characterMs({ baudRate, dataBits, parity, stopBits }: LineSettings): number {
  return ((1 + dataBits + (parity === 'none' ? 0 : 1) + stopBits) * 1_000) / baudRate;
}
