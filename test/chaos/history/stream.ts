import { Column } from './column.ts';

/** What one producer sends to one partition: numbered from 0, in this order. */
export class Stream {
  readonly name: string;
  /** Sends again until it is acknowledged, so that nothing before what was acknowledged may be missing. */
  readonly neverGivesUp: boolean;
  /** One past the last number that was ever sent. */
  sent = 0;
  /** Of what was acknowledged: when, and at which offset where the producer was told (−1 where not). */
  readonly ackedAt = new Column();
  readonly ackedOffset = new Column();
  /** Where it was read first. */
  readonly offset = new Column();
  partition: string | undefined;

  constructor(name: string, neverGivesUp: boolean) {
    this.name = name;
    this.neverGivesUp = neverGivesUp;
  }
}

/** A record's value says whose it is and which: `stream:n`, then whatever makes it longer. */
export function labelOf(stream: string, n: number, sizeBytes = 0): Buffer {
  return Buffer.from(`${stream}:${n}|`.padEnd(sizeBytes, '.'));
}

export function readLabel(value: Buffer | string): { stream: string; n: number } | undefined {
  const text = typeof value === 'string' ? value : value.toString('latin1');
  const match = /^([^:|]+):(\d+)\|/.exec(text.slice(0, 200));
  return match === null ? undefined : { stream: match[1]!, n: Number(match[2]) };
}
