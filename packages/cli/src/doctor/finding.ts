import { EdgelogError } from '@edgelog/base';

export type Level = 'ok' | 'note' | 'warning' | 'problem';

/** One thing that was looked at. */
export interface Finding {
  /** What it is about: `name`, `connection`, `broker 2`, `topic telemetry` … */
  readonly about: string;
  readonly level: Level;
  readonly says: string;
  /** What to change. */
  readonly advice?: string;
}

export const ok = (about: string, says: string): Finding => ({ about, level: 'ok', says });

export const problem = (about: string, says: string, advice?: string): Finding => ({
  about,
  level: 'problem',
  says,
  ...(advice !== undefined && { advice }),
});

/** What came of something that may fail: its result, or the finding that tells why there is none. */
export type Tried<T> = { readonly result: T } | { readonly fault: Finding };

/** `advice` is asked for with the error. Only operating faults are findings. */
export async function tryTo<T>(
  about: string,
  work: () => Promise<T>,
  advice: (error: EdgelogError) => string | undefined = () => undefined,
): Promise<Tried<T>> {
  try {
    return { result: await work() };
  } catch (error) {
    if (!(error instanceof EdgelogError)) throw error;
    return { fault: problem(about, error.message, advice(error)) };
  }
}
