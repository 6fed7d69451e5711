import { type MbusRecord, parseRecords, RecordError } from './records.ts';

/** What a meter answers: its header and data records [EN 13757-3:2018, 5.8 and section 6]. */
export interface MbusTelegram {
  /** Eight digits. */
  identification: string;
  /** Three letters, e.g. `KAM` [FLAG Association]. */
  manufacturer: string;
  version: number;
  medium: string;
  accessNumber: number;
  status: number;
  records: readonly MbusRecord[];
  hasMore: boolean;
}

/** Control information: variable data with the long header, least significant byte first. */
const VARIABLE_DATA = 0x72;
const HEADER_BYTES = 12;

const MEDIA: Readonly<Record<number, string>> = {
  0: 'other',
  1: 'oil',
  2: 'electricity',
  3: 'gas',
  4: 'heat',
  5: 'steam',
  6: 'warm water',
  7: 'water',
  8: 'heat cost allocator',
  9: 'compressed air',
  10: 'cooling',
  11: 'cooling',
  12: 'heat',
  13: 'heat and cooling',
  21: 'hot water',
  22: 'cold water',
};

/** Parses control information and data of an RSP_UD, behind control and address. Throws RecordError. */
export function parseTelegram(bytes: Buffer): MbusTelegram {
  if (bytes[0] !== VARIABLE_DATA)
    throw new RecordError(`control information 0x${bytes[0]?.toString(16)} is not variable data`);
  const header = bytes.subarray(1, 1 + HEADER_BYTES);
  if (header.length < HEADER_BYTES) throw new RecordError('a header cut short');
  const identification = Buffer.from(header.subarray(0, 4)).reverse().toString('hex');
  const encryption = header.readUInt16LE(10) & 0x1f00;
  if (encryption !== 0) throw new RecordError(`meter ${identification} encrypts its data`);
  return {
    identification,
    manufacturer: manufacturerOf(header.readUInt16LE(4)),
    version: header[6]!,
    medium: MEDIA[header[7]!] ?? String(header[7]),
    accessNumber: header[8]!,
    status: header[9]!,
    ...parseRecords(bytes.subarray(1 + HEADER_BYTES)),
  };
}

/** Three letters of five bits each. */
function manufacturerOf(code: number): string {
  return String.fromCharCode(...[10, 5, 0].map((shift) => ((code >> shift) & 0x1f) + 64));
}
