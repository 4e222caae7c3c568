import { expect, test } from 'vitest';
import { testRuntime } from '../platform/testing/index.ts';
import { createProcedureCosts } from './costs.ts';

test('what a procedure costs the database in a call, from the statements of the last week', async () => {
  const { db } = await testRuntime();
  const { rows } = await db.pool.query<{ id: string }>(
    `SELECT id::text FROM query_databases WHERE kind = 'own'`,
  );
  const add = (
    statement: number,
    caller: string,
    calls: number,
    totalMs: number,
    daysAgo = 0,
    source = 'own',
  ) =>
    db.pool.query(
      `INSERT INTO query_callers (database_id, statement_id, day, source, caller, calls, total_ms, slow, max_ms, histogram, last_seen)
       VALUES ($1, $2, current_date - $3::int, $4, $5, $6, $7, 0, 0, '{}', now())`,
      [rows[0]?.id, statement, daysAgo, source, caller, calls, totalMs],
    );
  await add(1, 'dashboards.get', 10, 1_000);
  await add(2, 'dashboards.get', 10, 500);
  await add(1, 'dashboards.get', 10, 1_000, 3);
  await add(1, 'old.procedure', 1, 1_000, 20);
  await add(1, 'elsewhere', 1, 1_000, 0, 'span');
  expect(Object.fromEntries(await createProcedureCosts(db)())).toEqual({ 'dashboards.get': 125 });
});
