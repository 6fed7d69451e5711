import type { RecordHeader } from '@edgelog/wire';

/** One reading as its source hands it over: bytes are carried as received. */
export interface Reading {
  /** MQTT topic or serial port. */
  key: string;
  value: Buffer;
  /** Shared by all readings of a source: `sourceHeaders`. */
  headers: readonly RecordHeader[];
  /** Who sends no more until he is told that the reading is on disk, or until he has so many on their way; undefined: nobody is told. */
  waiter?: object | undefined;
}

/** The headers that every record carries: which gateway, and which device or line (`mqtt:<client id>`, `serial:<port>`). */
export function sourceHeaders(gateway: string, source: string): readonly RecordHeader[] {
  return [
    { key: 'edgelog.gateway', value: Buffer.from(gateway) },
    { key: 'edgelog.source', value: Buffer.from(source) },
  ];
}

/** What a record takes in its batch, give or take its length prefixes. */
export function readingBytes({ key, value, headers }: Reading): number {
  let bytes = Buffer.byteLength(key) + value.length;
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}
