import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{agent,hub,devices,packages,test}/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    globalSetup: ['test/setup/peers.ts'],
  },
});
