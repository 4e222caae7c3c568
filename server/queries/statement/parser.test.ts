import { expect, test } from 'vitest';
import { describeTask } from './describe.ts';

test('texts that are nested too deeply do not spoil the parser for those that come after', async () => {
  const deep = `SELECT ${'(SELECT '.repeat(3_000)}1${')'.repeat(3_000)}`;
  const sums = `SELECT ${'1+'.repeat(20_000)}1`;
  for (let round = 0; round < 20; round++) {
    const [first, second] = await describeTask([deep, sums]);
    expect(first?.error).not.toBeNull();
    expect(second?.error).not.toBeNull();
  }
  expect(await describeTask(['SELECT 1'])).toMatchObject([
    { normalized: 'SELECT $1', error: null },
  ]);
}, 60_000);
