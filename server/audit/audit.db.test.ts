import { expect, test } from 'vitest';
import type { Authority } from '../platform/audit.ts';
import { testRuntime } from '../platform/testing/index.ts';

const authority: Authority = {
  actor: { kind: 'system', id: null, name: 'test' },
  rule: 'test',
  requestId: null,
};
const runtime = await testRuntime();
const append = (n: number) =>
  runtime.db.tx((tx) =>
    runtime.audit.append(tx, authority, {
      action: 'test.change',
      target: { kind: 'thing', id: String(n), name: `thing ${n}` },
      before: { n },
      after: {
        n: n + 1,
        at: new Date(0),
        text: 'zero \u0000 byte',
        nested: { b: 1, a: [1, null] },
      },
    }),
  );
const verify = () => runtime.auditReader.verify(new AbortController().signal);

test('writers at the same time make one unbroken chain', async () => {
  await Promise.all(Array.from({ length: 25 }, (_, n) => append(n)));
  expect(await verify()).toMatchObject({ ok: true, checked: 25 });
});

test('an entry exists only together with its change', async () => {
  const before = await verify();
  await expect(
    runtime.db.tx(async (tx) => {
      await runtime.audit.append(tx, authority, {
        action: 'test.undone',
        target: { kind: 'x', id: null, name: null },
      });
      throw new Error('the change failed');
    }),
  ).rejects.toThrow('the change failed');
  expect(await verify()).toMatchObject({ ok: true, checked: before.checked });
});

test('the database refuses to change, delete or truncate entries', async () => {
  for (const sql of [
    `UPDATE audit_entries SET actor_name = 'somebody else' WHERE seq = 3`,
    'DELETE FROM audit_entries WHERE seq = 25',
    'TRUNCATE audit_entries',
  ]) {
    await expect(runtime.db.pool.query(sql)).rejects.toThrow('append-only');
  }
});

/** What an attacker with the rights of the table's owner would do. */
const behindTheTrigger = async (sql: string) => {
  await runtime.db.pool.query('ALTER TABLE audit_entries DISABLE TRIGGER USER');
  await runtime.db.pool.query(sql);
  await runtime.db.pool.query('ALTER TABLE audit_entries ENABLE TRIGGER USER');
};

test('a changed entry, a missing entry and a cut-off end are found', async () => {
  await behindTheTrigger(`UPDATE audit_entries SET actor_name = 'somebody else' WHERE seq = 3`);
  expect(await verify()).toMatchObject({ ok: false, seq: 3 });
  await behindTheTrigger(`UPDATE audit_entries SET actor_name = 'test' WHERE seq = 3`);
  expect(await verify()).toMatchObject({ ok: true });

  await behindTheTrigger('DELETE FROM audit_entries WHERE seq = 25');
  expect(await verify()).toMatchObject({ ok: false, seq: 25 });
});
