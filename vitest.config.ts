import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    globalSetup: ['server/platform/testing/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Two cores, one PostgreSQL, one Redis: more files at once would only wait for each other.
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['server/**/*.test.ts', 'components/**/*.test.ts', 'bench/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          // Whole processes are started, killed and started again: one after the other, with patience.
          name: 'process',
          include: ['scripts/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
