import { expect } from 'vitest';
import type { LogStore } from './index.ts';

/** A store beside a model of it. */
export interface PlayedWorld<Operation> {
  readonly store: LogStore;
  open(): Promise<void>;
  run(operation: Operation | { kind: 'reopen' }): Promise<void>;
  /** Compares the two. */
  check(): void;
}

/** Does one after the other and compares after each, and once more when the store has been closed and opened. */
export async function play<Operation>(
  world: PlayedWorld<Operation>,
  operations: readonly Operation[],
): Promise<void> {
  await world.open();
  for (const operation of operations) {
    await world.run(operation);
    world.check();
  }
  await world.run({ kind: 'reopen' });
  world.check();
  await world.store.close();
}

/** Cleans while what comes next goes on, or waits for the end of it. */
export async function playCleaning(store: LogStore, wait: boolean): Promise<void> {
  const cleaned = store.clean({ deadShare: 0.1 });
  cleaned.catch(() => {});
  if (wait) expect((await cleaned).filter((one) => 'error' in one)).toEqual([]);
}
