import type { LineSettings } from '@edgelog/devices/profiles/decoder.ts';

/** What came in on a port that was set so. */
export interface Sample {
  line: LineSettings;
  /** How long was listened, ms. */
  listenedMs: number;
  chunks: readonly { atMs: number; bytes: Buffer }[];
}

export function bytesOf({ chunks }: Sample): Buffer {
  return Buffer.concat(chunks.map(({ bytes }) => bytes));
}

/** `9600 8N1` */
export function lineName({ baudRate, dataBits, parity, stopBits }: LineSettings): string {
  return `${baudRate} ${dataBits}${parity[0]!.toUpperCase()}${stopBits}`;
}
