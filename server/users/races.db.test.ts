/** Two changes at once, in the order that hurts most: the second has read before the first commits. */
import { expect, test, vi } from 'vitest';
import type { Authority } from '../platform/audit.ts';
import { testRuntime } from '../platform/testing/index.ts';

const runtime = await testRuntime({ env: { WHEELHOUSE_OIDC_DEFAULT_ROLE: 'viewer' } });
const { users, signIn, sessions, db } = runtime;
const admin: Authority = {
  actor: { kind: 'system', id: null, name: 'an admin' },
  rule: 'test',
  requestId: 'r-1',
};
const password = 'correct horse battery';
const from = { address: '192.0.2.1', userAgent: 'test' };
const tokenOf = (url: string) => new URL(url).searchParams.get('token') ?? '';
const invite = (email: string) => users.invite(admin, { email, name: email, role: 'viewer' });
async function join(email: string) {
  const { id, url } = await invite(email);
  await users.acceptInvite({ token: tokenOf(url), name: email, password }, 'r-2');
  return id;
}
const rowOf = (id: string) => db.prisma.user.findUnique({ where: { id } });
const auditOf = async (id: string) => {
  const rows = await db.prisma.auditEntry.findMany({
    where: { targetId: id },
    orderBy: { seq: 'asc' },
  });
  return rows.map(({ action, actorName }) => `${action} by ${actorName}`);
};

/** Starts `second` while `sql` has changed the row but is not committed; commits once `second` waits for it. */
async function during<T>(sql: string, id: string, second: () => Promise<T>): Promise<T> {
  const client = await db.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(sql, [id]);
    const answer = second();
    answer.catch(() => undefined);
    await vi.waitFor(
      async () => {
        const { rows } = await db.pool.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(rows.length).toBeGreaterThan(0);
      },
      { timeout: 5_000 },
    );
    await client.query('COMMIT');
    return await answer;
  } finally {
    client.release();
  }
}
const ACCEPT = `UPDATE users SET password_hash = 'accepted', invite_token_hash = NULL, invite_expires_at = NULL WHERE id = $1`;

test('an account that is accepted at this moment is not removed with its invitation', async () => {
  const { id } = await invite('remove@example.com');
  await expect(during(ACCEPT, id, () => users.removeInvite(admin, id))).rejects.toThrow(
    'accepted already',
  );
  expect(await rowOf(id)).toMatchObject({ passwordHash: 'accepted' });
});

test('an account that is accepted at this moment gets no new invitation link, which would set its password', async () => {
  const { id } = await invite('again@example.com');
  await expect(during(ACCEPT, id, () => users.reinvite(admin, id))).rejects.toThrow(
    'accepted already',
  );
  expect(await rowOf(id)).toMatchObject({ inviteTokenHash: null });
});

test('an invitation link never changes an account that has signed in otherwise', async () => {
  const { id, url } = await invite('linked@example.com');
  await db.pool.query(`UPDATE users SET oidc_subject = 'idp-1' WHERE id = $1`, [id]);
  await expect(
    users.acceptInvite({ token: tokenOf(url), name: 'x', password }, 'r'),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await rowOf(id)).toMatchObject({ passwordHash: null });
});

test('a password that is changed at this moment opens no session any more', async () => {
  const id = await join('change@example.com');
  const result = await during(`UPDATE users SET password_hash = 'another' WHERE id = $1`, id, () =>
    signIn.signInWithPassword({ email: 'change@example.com', password, ...from }),
  );
  expect(result).toEqual({ ok: false, reason: 'invalid' });
  expect(await db.prisma.session.count({ where: { userId: id } })).toBe(0);
});

test('an account that is disabled at this moment opens no session that would live when it is enabled again', async () => {
  const id = await join('disable@example.com');
  const result = await during('UPDATE users SET disabled_at = now() WHERE id = $1', id, () =>
    signIn.signInWithPassword({ email: 'disable@example.com', password, ...from }),
  );
  expect(result).toEqual({ ok: false, reason: 'invalid' });
  await users.setDisabled(admin, id, false);
  expect(await db.prisma.session.count({ where: { userId: id, revokedAt: null } })).toBe(0);
});

test('an address that is locked cannot lock other people out', async () => {
  await join('victim@example.com');
  const attack = (email: string) =>
    signIn.signInWithPassword({
      email,
      password: 'guess',
      address: '198.51.100.66',
      userAgent: 'x',
    });
  for (let n = 0; n < 25; n++) await attack(`nobody${n}@example.com`);
  for (let n = 0; n < 10; n++)
    expect(await attack('victim@example.com')).toMatchObject({ reason: 'locked' });
  expect(
    await signIn.signInWithPassword({ email: 'victim@example.com', password, ...from }),
  ).toMatchObject({ ok: true });
});

test('an address that is no text is answered like an unknown one', async () => {
  for (const email of ['a\u0000@example.com', '\ud800', '', 'x'.repeat(100_000)])
    expect(
      await signIn.signInWithPassword({ email, password, ...from, address: '192.0.2.77' }),
    ).toEqual({
      ok: false,
      reason: 'invalid',
    });
});

test('nobody guesses the current password of a session that was left open', async () => {
  const id = await join('open@example.com');
  const result = await signIn.signInWithPassword({ email: 'open@example.com', password, ...from });
  if (!result.ok) throw new Error(result.reason);
  const change = (current: string) =>
    users.changePassword(admin, {
      userId: id,
      sessionId: result.sessionId,
      current,
      password: 'a new long password',
    });
  for (let n = 0; n < 5; n++)
    await expect(change(`guess ${n}`)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await expect(change(password)).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
  expect(await sessions.resolve(result.sessionId)).not.toBeNull();
});

test('an identity that joins by itself or takes up an account is in the audit log', async () => {
  const identity = { name: 'New', emailVerified: true, ...from };
  const fresh = await signIn.signInWithOidc({
    ...identity,
    subject: 's-1',
    email: 'new@example.com',
  });
  expect(await auditOf(fresh?.userId ?? '')).toEqual([
    'users.create by OpenID Connect',
    'sessions.signIn by New',
  ]);
  const { id } = await invite('inv@example.com');
  await signIn.signInWithOidc({ ...identity, subject: 's-2', email: 'inv@example.com' });
  expect(await auditOf(id)).toEqual([
    'users.invite by an admin',
    'users.linkIdentity by OpenID Connect',
    'sessions.signIn by inv@example.com',
  ]);
});

test('a disabled account is not linked to an identity', async () => {
  const id = await join('gone@example.com');
  await users.setDisabled(admin, id, true);
  expect(
    await signIn.signInWithOidc({
      subject: 's-9',
      email: 'gone@example.com',
      name: null,
      emailVerified: true,
      ...from,
    }),
  ).toBeNull();
  expect(await rowOf(id)).toMatchObject({ oidcSubject: null });
});

test('an identity that arrives twice at once gets one account and is let in both times', async () => {
  const arrive = () =>
    signIn.signInWithOidc({
      subject: 's-3',
      email: 'both@example.com',
      name: 'Both',
      emailVerified: true,
      ...from,
    });
  const [one, two] = await Promise.all([arrive(), arrive()]);
  expect(one?.userId).toBeDefined();
  expect(two?.userId).toBe(one?.userId);
});

test('a name from the identity provider that PostgreSQL cannot hold is no obstacle', async () => {
  for (const [n, name] of [
    'a\u0000b',
    `${'x'.repeat(99)}😀`,
    '   ',
    'tab\tbed',
    '\u202egnp',
    '\u200b',
  ].entries()) {
    const result = await signIn.signInWithOidc({
      subject: `odd-${n}`,
      email: `oidc${n}@example.com`,
      name,
      emailVerified: true,
      ...from,
    });
    const stored = (await rowOf(result?.userId ?? ''))?.name ?? '';
    expect(stored).not.toBe('');
    expect(/[\p{Cc}\p{Cs}\ufffd\u202e\u200b]/u.test(stored)).toBe(false);
  }
  expect(await runtime.auditReader.verify(new AbortController().signal)).toMatchObject({
    ok: true,
  });
});
