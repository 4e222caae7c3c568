import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { AppError } from '../platform/errors.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { formatKey } from './format.ts';
import { DAY_MS } from './rotation.ts';

let shift = 0;
const clock = {
  now: () => new Date(Date.now() + shift),
  monotonicMs: () => performance.now() + shift,
};
const runtime = await testRuntime({ clock });
const { keys, db } = runtime;
const pass = (ms: number) => {
  shift += ms;
};
const create = (name: string, more: Partial<Parameters<typeof keys.create>[1]> = {}) =>
  keys.create(testAuthority, { name, role: 'operator', scopes: [], ...more });
const refusal = async (key: string, address: string | null = null) => {
  const verified = await keys.verify(key, address);
  return 'refused' in verified ? verified.refused : null;
};
const code = async (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
const actions = async (id: string) =>
  (
    await db.prisma.auditEntry.findMany({
      where: { targetId: id },
      orderBy: { seq: 'asc' },
      select: { action: true, rule: true },
    })
  ).map(({ action, rule }) => (rule === 'test' ? action : `${action} by ${rule}`));

test('a key is shown once, only its hash is kept, and what is wrong with one is told', async () => {
  const { id, key } = await create('plain');
  expect(await refusal(key)).toBeNull();
  const stored = await db.pool.query(
    `SELECT to_jsonb(k)::text || to_jsonb(v)::text AS row FROM api_keys k JOIN api_key_versions v ON v.key_id = k.id WHERE k.id = $1`,
    [id],
  );
  expect(stored.rows[0].row).not.toContain(key.slice(8, 40));
  expect((await keys.get(id)).versions[0]?.hint).toBe(key.slice(0, 7));
  expect(await refusal('nonsense')).toBe('malformed');
  expect(await refusal(`${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`)).toBe('checksum');
  expect(await refusal(formatKey(randomBytes))).toBe('unknown');
  await keys.revoke(testAuthority, { id, reason: 'lost' });
  expect(await refusal(key)).toBe('revoked');
  // Again changes nothing and writes nothing.
  await keys.revoke(testAuthority, { id });
  expect(await actions(id)).toEqual(['keys.create', 'keys.revoke']);
});

test('a wrong checksum asks nothing of the database, a cold key one question and no write', async () => {
  const { key } = await create('counted');
  await keys.get((await keys.list({ limit: 1, state: 'all' })).items[0]?.id ?? '');
  const asked: string[] = [];
  const { pool } = db;
  const query = pool.query.bind(pool);
  Object.assign(pool, {
    query: (...given: Parameters<typeof query>) => {
      const [what] = given as unknown[];
      asked.push(typeof what === 'string' ? what : (what as { text: string }).text);
      return query(...given);
    },
  });
  try {
    await refusal(`${key.slice(0, -1)}!`);
    await refusal(`${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`);
    expect(asked).toEqual([]);
    pass(1_000);
    await Promise.all(Array.from({ length: 50 }, () => refusal(key)));
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(/^SELECT/);
  } finally {
    Object.assign(pool, { query });
  }
});

test('rotation: two versions are accepted, the third has to wait, and the old one ends with its grace', async () => {
  const { id, key: first } = await create('rotated');
  const { version, key: second } = await keys.rotate(testAuthority, { id, graceDays: 7 });
  expect(version).toBe(2);
  expect([await refusal(first), await refusal(second)]).toEqual([null, null]);
  await expect(keys.rotate(testAuthority, { id, graceDays: 7 })).rejects.toThrow(
    /Versions 2 and 1 .* End version 1 first; by itself it ends 20/,
  );
  pass(7 * DAY_MS - 5_000);
  expect(await refusal(first)).toBeNull();
  pass(5_000);
  // By the clock, before any job ran.
  expect(await refusal(first)).toBe('ended');
  expect((await keys.run()).ended).toBe(1);
  expect((await keys.run()).ended).toBe(0);
  expect((await keys.get(id)).versions.map(({ version: v, state }) => [v, state])).toEqual([
    [2, 'active'],
    [1, 'ended'],
  ]);
  // Ended at once, without a grace.
  const { key: third } = await keys.rotate(testAuthority, { id, graceDays: 0 });
  expect([await refusal(second), await refusal(third)]).toEqual(['ended', null]);
  await keys.revoke(testAuthority, { id, version: 3 });
  expect(await refusal(third)).toBe('ended');
  expect((await keys.get(id)).state).toBe('ended');
  expect(await code(keys.revoke(testAuthority, { id, version: 9 }))).toBe('NOT_FOUND');
  expect(await actions(id)).toEqual([
    'keys.create',
    'keys.rotate',
    'keys.endVersion by rotation:grace',
    'keys.rotate',
    'keys.endVersion',
  ]);
});

test('an old version whose successors ended is still accepted, and the list says so', async () => {
  const { id, key } = await create('revived');
  for (const version of [2, 3]) {
    await keys.rotate(testAuthority, { id, graceDays: 7 });
    await keys.revoke(testAuthority, { id, version });
  }
  expect(await refusal(key)).toBeNull();
  const [listed] = (await keys.list({ limit: 1, filter: 'revived', state: 'live' })).items;
  expect([listed?.state, listed?.versions.map(({ version: v, state }) => [v, state])]).toEqual([
    'active',
    [
      [3, 'ended'],
      [1, 'grace'],
    ],
  ]);
});

test('counting the use of a key and changing it wait for each other, never in a circle', async () => {
  const { id, key } = await create('circle');
  const use = await keys.verify(key, null);
  if (!use.use) throw new Error('refused');
  const waiting = async (count: number) =>
    expect
      .poll(async () => {
        const { rowCount } = await db.pool.query(
          `SELECT 1 FROM pg_stat_activity
           WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`,
        );
        return rowCount;
      })
      .toBe(count);
  // Both want the version, which somebody holds a moment longer: the count first, then the rotation with the key in hand.
  const changing = await db.pool.connect();
  try {
    await changing.query('BEGIN');
    await changing.query('SELECT 1 FROM api_key_versions WHERE id = $1 FOR UPDATE', [
      use.use.versionId,
    ]);
    keys.count(use.use, { procedures: ['circle.a'], address: '192.0.2.1', refused: false });
    const counted = keys.usage(id, 1);
    await waiting(1);
    const rotated = keys.rotate(testAuthority, { id, graceDays: 7 });
    await waiting(2);
    await changing.query('COMMIT');
    expect((await rotated).version).toBe(2);
    expect((await counted).procedures).toMatchObject([{ procedure: 'circle.a', calls: 1 }]);
  } finally {
    changing.release();
  }
});

test('100 rotations at once: one happens, the others are told why not', async () => {
  const { id } = await create('stampede');
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, () => code(keys.rotate(testAuthority, { id, graceDays: 7 }))),
  );
  expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
  expect(new Set(outcomes)).toEqual(new Set(['ok', 'CONFLICT']));
  expect((await keys.get(id)).versions).toHaveLength(2);
});

test('a rehearsal answers as if the version had ended, counts who meets it, and passes', async () => {
  const { id, key: first } = await create('rehearsed');
  const { key: second } = await keys.rotate(testAuthority, { id, graceDays: 7 });
  const { use } = await keys.verify(first, null);
  if (!use) throw new Error('no use');
  const refuse = () =>
    keys.count(use, { procedures: ['system.info'], address: '192.0.2.1', refused: true });
  const met = async () => (await keys.get(id)).versions[1]?.lastRefusedAt !== null;
  // Refused before, for a role or a limit: that is nobody who met the rehearsal.
  refuse();
  await keys.rehearse(testAuthority, { id, version: 1, minutes: 5 });
  expect(await met()).toBe(false);
  refuse();
  expect(await met()).toBe(true);
  expect([await refusal(first), await refusal(second)]).toEqual(['rehearsal', null]);
  pass(5 * 60_000);
  expect(await refusal(first)).toBeNull();
  await keys.rehearse(testAuthority, { id, version: 1, minutes: 60 });
  expect(await refusal(first)).toBe('rehearsal');
  await keys.rehearse(testAuthority, { id, version: 1, minutes: 0 });
  expect(await refusal(first)).toBeNull();
  await keys.revoke(testAuthority, { id, version: 1 });
  expect(await code(keys.rehearse(testAuthority, { id, version: 1, minutes: 5 }))).toBe('CONFLICT');
});

test('use is counted by day, version, procedure and address; a quiet version ends by itself', async () => {
  const { id, key } = await create('quiet');
  await keys.rotate(testAuthority, { id, graceDays: 30 });
  const use = async (version: string, address: string, procedure: string, refused = false) => {
    const verified = await keys.verify(version, null);
    if (!verified.use) throw new Error('no use');
    keys.count(verified.use, { procedures: [procedure], address, refused });
  };
  for (let i = 0; i < 3; i++) await use(key, '192.0.2.1', 'health.report');
  await use(key, '192.0.2.2', 'breakers.permit', true);
  await keys.endWhenQuiet(testAuthority, { id, version: 1, days: 3 });
  const usage = await keys.usage(id, 30);
  expect(usage.days).toMatchObject([{ version: 1, calls: 4, refused: 1 }]);
  expect(usage.users.map(({ lastAt, ...user }) => user)).toEqual(
    expect.arrayContaining([
      { version: 1, address: '192.0.2.1', calls: 3, refused: 0, lastProcedure: 'health.report' },
      { version: 1, address: '192.0.2.2', calls: 1, refused: 1, lastProcedure: 'breakers.permit' },
    ]),
  );
  pass(2 * DAY_MS);
  await use(key, '192.0.2.1', 'health.report');
  pass(2 * DAY_MS);
  // Used two days ago: not quiet for three.
  await keys.run();
  expect(await refusal(key)).toBeNull();
  pass(DAY_MS + 1_000);
  await keys.run();
  expect(await refusal(key)).toBe('ended');
  const [, old] = (await keys.get(id)).versions;
  expect(old?.endedBy).toBe('not used for 3 days');
  expect((await keys.usage(id, 30)).days.map(({ calls }) => calls)).toEqual([4, 1]);
  expect(await code(keys.endWhenQuiet(testAuthority, { id, version: 2, days: 3 }))).toBe(
    'CONFLICT',
  );
});

test('counts outlive an outage of the database, and a flood of addresses stays bounded', async () => {
  const { id, key } = await create('flooded');
  const { use } = await keys.verify(key, null);
  if (!use) throw new Error('no use');
  for (let i = 0; i < 2_000; i++)
    keys.count(use, { procedures: ['system.info'], address: `198.51.100.${i}`, refused: false });
  await db.pool.query('ALTER TABLE api_key_usage RENAME TO api_key_usage_away');
  await expect(keys.usage(id, 1)).rejects.toThrow();
  await db.pool.query('ALTER TABLE api_key_usage_away RENAME TO api_key_usage');
  expect((await keys.usage(id, 1)).days).toMatchObject([{ calls: 2_000 }]);
  const { rows } = await db.pool.query(
    'SELECT count(*)::int AS rows, max(calls)::int AS most FROM api_key_usage WHERE key_id = $1',
    [id],
  );
  expect(rows[0]).toEqual({ rows: 501, most: 1_500 });
});

test('the key of a person does no more than they may, and nothing once they are gone', async () => {
  const person = await db.prisma.user.create({
    data: {
      id: '01a1fc6f-0000-7000-8000-00000000abcd',
      email: 'grace@example.com',
      name: 'Grace',
      role: 'operator',
      createdAt: new Date(),
    },
  });
  const { id, key } = await create('owned', { role: 'admin', ownerId: person.id });
  const verified = await keys.verify(key, null);
  expect('principal' in verified && verified.principal.role).toBe('operator');
  await db.prisma.user.update({ where: { id: person.id }, data: { disabledAt: new Date() } });
  pass(1_000);
  expect(await refusal(key)).toBe('owner');
  expect((await keys.get(id)).state).toBe('owner');
  await db.prisma.user.delete({ where: { id: person.id } });
  pass(1_000);
  expect(await refusal(key)).toBe('owner');
  expect(await code(create('lost', { ownerId: person.id }))).toBe('BAD_REQUEST');
});

test('limits of a key: networks and an end by the clock', async () => {
  const { id, key } = await create('bounded', {
    addresses: ['10.0.0.0/8'],
    expiresAt: new Date(clock.now().getTime() + 60_000).toISOString(),
    rateLimit: 30,
  });
  expect([await refusal(key, '10.1.1.1'), await refusal(key, '11.1.1.1')]).toEqual([
    null,
    'address',
  ]);
  const verified = await keys.verify(key, '10.1.1.1');
  expect('principal' in verified && verified.principal.ratePerMinute).toBe(30);
  expect(await keys.check({ key, address: '11.1.1.1' }, 'test')).toEqual({
    valid: false,
    reason: 'address',
    keyId: id,
    version: 1,
  });
  pass(60_000);
  expect(await refusal(key, '10.1.1.1')).toBe('expired');
  await expect(keys.rotate(testAuthority, { id, graceDays: 7 })).rejects.toThrow(
    'has expired. Give it a later end first.',
  );
  const past = new Date(clock.now().getTime() - 1).toISOString();
  expect(await code(keys.update(testAuthority, { id, expiresAt: past }))).toBe('BAD_REQUEST');
  expect(await code(create('late', { expiresAt: past }))).toBe('BAD_REQUEST');
  // An end that is over and stays is no fault of another change.
  const { expiresAt } = await keys.get(id);
  await keys.update(testAuthority, { id, rateLimit: 10, expiresAt });
  expect((await keys.get(id)).rateLimit).toBe(10);
  await keys.update(testAuthority, { id, expiresAt: null, addresses: [] });
  expect(await refusal(key, '11.1.1.1')).toBeNull();
  expect(await keys.check({ key }, 'test')).toEqual({
    valid: true,
    keyId: id,
    role: 'operator',
    scopes: [],
    version: 1,
  });
});

test('notices go out once each, 14, 7 and 1 days ahead and when it is overdue; rotation settles them', async () => {
  await db.prisma.apiKey.updateMany({ data: { revokedAt: new Date() } });
  await db.pool.query('DELETE FROM api_key_notices');
  const channel = await runtime.notify.channels.create(testAuthority, {
    name: 'hook',
    kind: 'webhook',
    url: 'http://127.0.0.1:9/',
  } as Parameters<typeof runtime.notify.channels.create>[1]);
  const titles = async () =>
    (
      await db.pool.query<{ kind: string; title: string }>(
        `SELECT kind, message->>'title' AS title FROM deliveries WHERE channel_id = $1 ORDER BY created_at, id`,
        [channel.id],
      )
    ).rows.map(({ kind, title }) => `${kind}: ${title}`);
  const { id } = await create('due', { rotateDays: 90 });
  const told: number[] = [];
  for (let day = 0; day <= 91; day++) {
    if ((await keys.run()).told > 0) told.push(day);
    expect((await keys.run()).told).toBe(0);
    pass(DAY_MS);
  }
  expect(told).toEqual([76, 83, 89, 90]);
  await keys.rotate(testAuthority, { id, graceDays: 7 });
  expect(await titles()).toEqual([
    'trigger: Key due is due for a new version within 14 days',
    'trigger: Key due is due for a new version within 7 days',
    'trigger: Key due is due for a new version within a day',
    'trigger: Key due is overdue for a new version',
    'resolve: Key due: settled',
  ]);
});
