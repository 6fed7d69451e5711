/** `1-0:1.8.1(000123.456*kWh)`: a code and what stands in its brackets [IEC 62056-21, 6.5; codes: IEC 62056-61]. */
export interface DataSet {
  code: string;
  groups: readonly string[];
}

const DATA_SET = /([^()/!\r\n]*)((?:\([^()/!\r\n]*\))+)/y;
const GROUP = /\(([^()]*)\)/g;

/**
 * The data sets of a telegram's lines. A line may hold several; one that begins with a bracket goes on with the one before,
 * as gas meters of DSMR 2.2 do. Undefined if anything else stands there.
 */
export function parseDataLines(lines: readonly string[]): DataSet[] | undefined {
  const sets: { code: string; groups: string[] }[] = [];
  for (const line of lines) {
    DATA_SET.lastIndex = 0;
    while (DATA_SET.lastIndex < line.length) {
      const match = DATA_SET.exec(line);
      if (match === null) return undefined;
      const groups = [...match[2]!.matchAll(GROUP)].map((group) => group[1]!);
      const code = match[1]!.trim();
      const last = sets.at(-1);
      if (code !== '') sets.push({ code, groups });
      else if (last !== undefined) last.groups.push(...groups);
      else return undefined;
    }
  }
  return sets;
}
