export const DEFAULT_BAUD = 115_200;

export interface SerialSetting {
  /** Device as given; also the records' key. */
  path: string;
  /** Bits per second. */
  baudRate: number;
}

/** Parses `PATH` or `PATH@BAUD`; undefined if it is neither. */
export function parseSerialSetting(text: string): SerialSetting | undefined {
  const match = /^(\S+?)(?:@(\d{2,8}))?$/.exec(text);
  if (!match || match[1]!.includes('@')) return undefined;
  return { path: match[1]!, baudRate: match[2] === undefined ? DEFAULT_BAUD : Number(match[2]) };
}
