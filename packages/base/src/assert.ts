import { AssertionError } from 'node:assert';

/** States an invariant. Always on: a failure is a bug in Edgelog, never an operating fault or bad input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError({ message, stackStartFn: assert });
}
