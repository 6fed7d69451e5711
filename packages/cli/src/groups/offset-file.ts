import { readFileSync } from 'node:fs';
import { EdgelogError } from '@edgelog/base';

/** A line of the file that --export writes and --from-file reads. */
export interface OffsetRow {
  /** Undefined: any group that is reset. */
  readonly group: string | undefined;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

const ROW = /^(?:([^,]+),)?([^,]+),(\d{1,10}),(\d{1,15})$/;

/** `TOPIC,PARTITION,OFFSET` a line, or `GROUP,TOPIC,PARTITION,OFFSET`. Throws CONFIG_INVALID naming the line. */
export function readOffsetFile(flag: string, path: string): OffsetRow[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EdgelogError('CONFIG_INVALID', `${flag}: cannot read ${path}`, { cause });
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [, group, topic, partition, offset] = ROW.exec(line.trim()) ?? [];
    if (topic === undefined) {
      const expected = 'expected TOPIC,PARTITION,OFFSET or GROUP,TOPIC,PARTITION,OFFSET';
      throw new EdgelogError('CONFIG_INVALID', `${path}:${index + 1}: ${JSON.stringify(line)}: ${expected}`);
    }
    return [{ group, topic, partition: Number(partition), offset: Number(offset) }];
  });
}
