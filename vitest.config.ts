import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SlowFirst } from './test/setup/slow-first.ts';

export default defineConfig({
  test: {
    include: ['{agent,hub,devices,packages,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    // A loaded machine is no fault: what a test waits for may be late, never missing.
    testTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    hookTimeout: 300_000,
    globalSetup: ['test/setup/peers.ts'],
    // The default is one fewer than there are cores; most tests wait for processes that they started, and a third file fills two cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    sequence: { sequencer: SlowFirst },
  },
});
