import { check } from '@edgelog/client';
import { ErrorCode } from '@edgelog/wire';
import { printJson } from './table.ts';

/** What became of one of several things that a command was to change. */
export interface Outcome {
  readonly name: string;
  readonly errorCode: number;
  readonly errorMessage?: string | null;
}

export interface ReportOptions {
  /** `topic`, `group` … */
  readonly kind: string;
  /** What was done, as `deleted`. */
  readonly done: string;
  /** An error code that is no failure here, as what --if-exists is for. */
  readonly tolerated?: number | undefined;
  readonly json: boolean;
}

/** One line for each; the exit status is 1 when any was refused. */
export function reportOutcomes(
  outcomes: readonly Outcome[],
  { kind, done, tolerated, json }: ReportOptions,
): number {
  const results = outcomes.map(({ name, errorCode, errorMessage }) => {
    const isDone = errorCode === ErrorCode.NONE;
    if (isDone || errorCode === tolerated) return { name, [done]: isDone };
    try {
      check(errorCode, `${kind} ${name}`, errorMessage);
    } catch (error) {
      return { name, [done]: false, error: (error as Error).message };
    }
    return { name };
  });
  if (json) printJson(results);
  for (const result of results) {
    if (result.error !== undefined) process.stderr.write(`edgelog: ${result.error}\n`);
    else if (!json && result[done] === true) process.stdout.write(`${done} ${kind} ${result.name}\n`);
  }
  return results.some(({ error }) => error !== undefined) ? 1 : 0;
}
