import type { LineSettings } from './decoder.ts';

/** `9600 8N1` */
export function characterFormat({ baudRate, dataBits, parity, stopBits }: LineSettings): string {
  return `${baudRate} ${dataBits}${parity[0]!.toUpperCase()}${stopBits}`;
}
