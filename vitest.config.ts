import { defineConfig } from 'vitest/config';

const tests = [
  'server/**/*.test.ts',
  'components/**/*.test.{ts,tsx}',
  'app/**/*.test.{ts,tsx}',
  'bench/**/*.test.ts',
];

const ALONE = ['scripts/memory.test.ts'];

export default defineConfig({
  test: {
    restoreMocks: true,
    // Two cores, one PostgreSQL, one Redis: more files at once would only wait for each other.
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'house', include: ['server/house.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'unit',
          include: tests,
          exclude: ['**/*.db.test.ts', 'server/house.test.ts', '**/node_modules/**'],
          // Some look at heaps and processes, which a busy machine makes slow.
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'database',
          include: ['server/**/*.db.test.ts'],
          globalSetup: 'server/platform/testing/global-setup.ts',
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          // Whole processes are started, killed and started again, with patience.
          name: 'process',
          include: ['scripts/**/*.test.ts'],
          exclude: ALONE,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          // What would be disturbed by anything beside it.
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
