/** One sentence whose checksum was right. */
export interface Sentence {
  /** `GP`, `GN`, `II`, …; `P` for a proprietary sentence. */
  talker: string;
  /** `RMC`; of a proprietary sentence the maker's code and what follows, e.g. `GRME`. */
  type: string;
  /** Begins with `!`: encapsulated data, e.g. of AIS. */
  isEncapsulated: boolean;
  fields: readonly string[];
}

export type ParsedSentence =
  | { kind: 'sentence'; sentence: Sentence }
  | { kind: 'checksum' | 'framing'; detail: string };

/**
 * One line of NMEA 0183: `$`, address, fields separated by commas, `*` and the XOR of what lies between as two hexadecimal
 * digits [NMEA 0183 4.11, 5.3]. Noise and tag blocks in front of the `$` are passed over. A sentence without a checksum
 * is taken only if `isChecksumOptional`.
 */
export function parseSentence(line: string, isChecksumOptional: boolean): ParsedSentence {
  const start = Math.max(line.lastIndexOf('$'), line.lastIndexOf('!'));
  if (start < 0) return { kind: 'framing', detail: 'a line without $ or !' };
  const match = /^[$!]([\x20-\x29\x2b-\x7e]*)(?:\*([0-9A-Fa-f]{2}))?\s*$/.exec(line.slice(start));
  if (match === null) return { kind: 'framing', detail: 'a sentence with bytes that none may hold' };
  const [, body = '', given] = match;
  if (given === undefined && !isChecksumOptional)
    return { kind: 'checksum', detail: 'a sentence without checksum' };
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum ^= body.charCodeAt(i);
  if (given !== undefined && Number.parseInt(given, 16) !== sum) {
    return { kind: 'checksum', detail: `${body.slice(0, 5)}: checksum ${given}` };
  }
  const [address = '', ...fields] = body.split(',');
  if (!/^(?:P[A-Z0-9]{3,}|[A-Z0-9]{5})$/.test(address)) {
    return { kind: 'framing', detail: `no address of a sentence: ${JSON.stringify(address.slice(0, 10))}` };
  }
  const talker = address.startsWith('P') ? 'P' : address.slice(0, 2);
  const sentence = {
    talker,
    type: address.slice(talker.length),
    isEncapsulated: line[start] === '!',
    fields,
  };
  return { kind: 'sentence', sentence };
}
