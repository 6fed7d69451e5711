import { afterEach, beforeEach, vi } from 'vitest';

/**
 * For a test file that puts bugs in on purpose: replaces exports of a module for whatever the test imports from then on, until it ends. `Modules`
 * are those that may be changed, by their names.
 */
export function mutating<Modules extends object>() {
  const mutated = new Set<string>();
  beforeEach(() => {
    vi.resetModules();
  });
  afterEach(() => {
    for (const name of mutated) vi.doUnmock(name);
    mutated.clear();
  });
  return async <N extends keyof Modules & string>(
    name: N,
    change: (original: Modules[N]) => Partial<Modules[N]>,
  ): Promise<void> => {
    const original = await vi.importActual<Modules[N]>(name);
    vi.doMock(name, () => ({ ...original, ...change(original) }));
    mutated.add(name);
  };
}

/** The first violation of the worlds of some seeds. */
export async function violationAmong(
  seeds: { readonly from?: number; readonly count: number },
  play: (seed: number) => Promise<{ violations: readonly string[] }>,
): Promise<string | undefined> {
  const { from = 1, count } = seeds;
  for (let seed = from; seed < from + count; seed++) {
    // A mutant may also fail by assertion, which is as good.
    const outcome = await play(seed).catch((error: Error) => ({ violations: [error.message] }));
    if (outcome.violations[0] !== undefined) return outcome.violations[0];
  }
  return undefined;
}
