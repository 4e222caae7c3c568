import { expect, test } from 'vitest';
import { attention, components, type Figures } from './checks.ts';

const well: Figures = {
  database: { up: true, latencyMs: 1, since: new Date(0), detail: 'answers' },
  pool: { total: 5, idle: 4, waiting: 0, max: 20 },
  redis: { state: 'off', latencyMs: null, since: new Date(0) },
  jobs: { queued: 0, active: 0, failed: 0, running: true },
  heapUsedBytes: 100,
  heapLimitBytes: 1_000,
  eventLoopP99Seconds: 0.01,
  diskFree: 0.5,
  replicas: 1,
};
const rows: [string, Partial<Figures>, string[]][] = [
  ['all is well', {}, []],
  ['the database is away', { database: { ...well.database, up: false } }, ['bad database']],
  ['two replicas without Redis', { replicas: 2 }, ['bad replicas']],
  ['two replicas with Redis', { replicas: 2, redis: { ...well.redis, state: 'up' } }, []],
  ['Redis is away', { redis: { ...well.redis, state: 'down' } }, ['warn redis']],
  ['jobs failed', { jobs: { ...well.jobs, failed: 2 } }, ['warn jobs']],
  ['the pool is used up', { pool: { total: 20, idle: 0, waiting: 3, max: 20 } }, ['warn pool']],
  ['memory is short', { heapUsedBytes: 901 }, ['warn memory']],
  ['memory is at the limit and not over', { heapUsedBytes: 900 }, []],
  ['the disk is full', { diskFree: 0.05 }, ['warn disk']],
  ['the disk is unknown', { diskFree: null }, []],
  [
    'the worst comes first',
    { diskFree: 0.05, database: { ...well.database, up: false } },
    ['bad database', 'warn disk'],
  ],
];
test.each(rows)('%s', (_name, change, expected) => {
  expect(attention({ ...well, ...change }).map(({ severity, id }) => `${severity} ${id}`)).toEqual(
    expected,
  );
});
test('each component has a status in words', () => {
  const list = components({ ...well, diskFree: null });
  expect(list.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'PostgreSQL ok',
    'Redis off',
    'Jobs ok',
    'Event loop ok',
    'Memory ok',
  ]);
  expect(list.every(({ detail }) => detail.length > 5)).toBe(true);
});
