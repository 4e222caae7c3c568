import { describe, expect, test } from 'vitest';
import type { Authority } from '../platform/audit.ts';
import { manualClock } from '../platform/clock.ts';
import { testRuntime } from '../platform/testing/index.ts';

const clock = manualClock('2026-06-01T08:00:00Z');
const runtime = await testRuntime({ clock });
const { users, signIn, sessions, db } = runtime;
const by = (name: string, id: string | null = null): Authority => ({
  actor: { kind: id ? 'user' : 'system', id, name },
  rule: 'test',
  requestId: 'r-1',
});
const password = 'correct horse battery';
const from = { address: '192.0.2.1', userAgent: 'test' };
const idOf = async (email: string) => {
  const row = await db.prisma.user.findUniqueOrThrow({ where: { email }, select: { id: true } });
  return row.id;
};
const tokenOf = (url: string) => new URL(url).searchParams.get('token') ?? '';
async function join(email: string, role: 'viewer' | 'operator' | 'admin' = 'viewer') {
  const { url } = await users.invite(by('test'), { email, name: email, role });
  await users.acceptInvite({ token: tokenOf(url), name: email, password }, 'r-2');
  return idOf(email);
}

describe('the first admin', () => {
  const token = new URL(users.setupPath(), 'http://x').searchParams.get('token') ?? '';
  const input = { token, email: 'first@example.com', name: 'First', password };

  test('needs the right link', async () => {
    expect(await users.setupNeeded()).toBe(true);
    await expect(users.setup({ ...input, token: `${token.slice(0, -1)}x` })).rejects.toThrow(
      'not valid',
    );
  });
  test('is made once, also when two race', async () => {
    const results = await Promise.allSettled([
      users.setup(input),
      users.setup({ ...input, email: 'second@example.com' }),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await db.prisma.user.count()).toBe(1);
    await expect(users.setup({ ...input, email: 'third@example.com' })).rejects.toThrow(
      'used already',
    );
  });
});

describe('signing in', () => {
  test('a stored password is argon2id', async () => {
    await join('ada@example.com', 'admin');
    const row = await db.prisma.user.findUniqueOrThrow({ where: { email: 'ada@example.com' } });
    expect(row.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });
  test('the right password opens a session, whatever the case of the address', async () => {
    const result = await signIn.signInWithPassword({
      email: ' ADA@example.com ',
      password,
      ...from,
    });
    if (!result.ok) throw new Error(result.reason);
    expect(await sessions.resolve(result.sessionId)).toMatchObject({
      email: 'ada@example.com',
      role: 'admin',
    });
  });
  test('an unknown address is answered like a wrong password', async () => {
    const unknown = await signIn.signInWithPassword({
      email: 'who@example.com',
      password,
      ...from,
    });
    const wrong = await signIn.signInWithPassword({
      email: 'ada@example.com',
      password: 'wrong',
      ...from,
    });
    expect(unknown).toEqual({ ok: false, reason: 'invalid' });
    expect(wrong).toEqual(unknown);
  });
  test('parallel guesses count in full, the lock holds against the right password, and ends', async () => {
    await join('grace@example.com');
    const guess = (secret: string) =>
      signIn.signInWithPassword({
        email: 'grace@example.com',
        password: secret,
        ...from,
        address: '192.0.2.7',
      });
    const burst = await Promise.all(Array.from({ length: 12 }, (_, n) => guess(`guess ${n}`)));
    const reasons = burst.map((result) => (result.ok ? 'in' : result.reason));
    expect(reasons.filter((reason) => reason === 'invalid')).toHaveLength(5);
    expect(reasons.filter((reason) => reason === 'locked')).toHaveLength(7);
    expect(await guess(password)).toMatchObject({
      ok: false,
      reason: 'locked',
      retryAfterSeconds: 30,
    });
    clock.advance(31_000);
    expect(await guess(password)).toMatchObject({ ok: true });
    expect(await guess('wrong once')).toEqual({ ok: false, reason: 'invalid' });
  });
  test('a disabled account is refused and its sessions end', async () => {
    const id = await join('dis@example.com');
    const result = await signIn.signInWithPassword({ email: 'dis@example.com', password, ...from });
    if (!result.ok) throw new Error(result.reason);
    await users.setDisabled(by('admin'), id, true);
    expect(await sessions.resolve(result.sessionId)).toBeNull();
    expect(
      await signIn.signInWithPassword({ email: 'dis@example.com', password, ...from }),
    ).toEqual({
      ok: false,
      reason: 'invalid',
    });
  });
});

describe('OpenID Connect', () => {
  const identity = { subject: 's-1', name: 'Linus', emailVerified: true, ...from };

  test('nobody gets in without an invitation, or with an address that is not verified', async () => {
    expect(await signIn.signInWithOidc({ ...identity, email: 'linus@example.com' })).toBeNull();
    await users.invite(by('admin'), {
      email: 'linus@example.com',
      name: 'Linus',
      role: 'operator',
    });
    expect(
      await signIn.signInWithOidc({
        ...identity,
        email: 'linus@example.com',
        emailVerified: false,
      }),
    ).toBeNull();
  });
  test('the invitation is linked to the identity, which another cannot take over', async () => {
    const first = await signIn.signInWithOidc({ ...identity, email: 'Linus@Example.com' });
    expect(first?.userId).toBe(await idOf('linus@example.com'));
    expect(
      await signIn.signInWithOidc({ ...identity, subject: 's-2', email: 'linus@example.com' }),
    ).toBeNull();
    const moved = await signIn.signInWithOidc({ ...identity, email: 'new-address@example.com' });
    expect(moved?.userId).toBe(first?.userId);
  });
});

describe('accounts', () => {
  test('an invitation works once, also when two race, and not after it has ended', async () => {
    const { url } = await users.invite(by('admin'), {
      email: 'inv@example.com',
      name: 'Inv',
      role: 'viewer',
    });
    const accept = (name: string) =>
      users.acceptInvite({ token: tokenOf(url), name, password }, 'r');
    const results = await Promise.allSettled([accept('one'), accept('two')]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const late = await users.invite(by('admin'), {
      email: 'late@example.com',
      name: 'Late',
      role: 'viewer',
    });
    clock.advance(73 * 3_600_000);
    await expect(users.inviteState(tokenOf(late.url))).rejects.toThrow('expired');
    const again = await users.reinvite(by('admin'), late.id);
    expect(await users.inviteState(tokenOf(again.url))).toMatchObject({
      email: 'late@example.com',
    });
    await expect(users.inviteState(tokenOf(late.url))).rejects.toThrow('unknown');
  });
  test('an address has one account, also when two admins invite it at once', async () => {
    const invite = () =>
      users.invite(by('admin'), { email: 'twice@example.com', name: 'T', role: 'viewer' });
    const results = await Promise.allSettled([invite(), invite()]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
  test('the last admin stays, also when two demote or disable each other at once', async () => {
    const admins = await db.prisma.user.findMany({
      where: { role: 'admin', disabledAt: null, passwordHash: { not: null } },
      select: { id: true, email: true },
    });
    const [a, b, ...rest] = admins;
    expect(rest).toEqual([]);
    if (!a || !b) throw new Error('two admins are needed');
    const results = await Promise.allSettled([
      users.setRole(by('a', a.id), b.id, 'viewer'),
      users.setDisabled(by('b', b.id), a.id, true),
    ]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const left = await db.prisma.user.count({
      where: { role: 'admin', disabledAt: null, passwordHash: { not: null } },
    });
    expect(left).toBe(1);
  });
  test('nobody disables themselves', async () => {
    const id = await idOf('grace@example.com');
    await expect(users.setDisabled(by('grace', id), id, true)).rejects.toThrow('your own');
  });
  test('a new password needs the old one and ends the other sessions', async () => {
    const id = await join('pw@example.com');
    const open = async () => {
      const result = await signIn.signInWithPassword({
        email: 'pw@example.com',
        password,
        ...from,
      });
      if (!result.ok) throw new Error(result.reason);
      return result.sessionId;
    };
    const [mine, other] = [await open(), await open()];
    const change = (current: string) =>
      users.changePassword(by('pw', id), {
        userId: id,
        sessionId: mine,
        current,
        password: 'a new long password',
      });
    await expect(change('wrong')).rejects.toMatchObject({ fields: [{ path: 'current' }] });
    await change(password);
    expect(await sessions.resolve(mine)).not.toBeNull();
    expect(await sessions.resolve(other)).toBeNull();
  });
  test('sessions end by themselves', async () => {
    const result = await signIn.signInWithPassword({
      email: 'grace@example.com',
      password,
      ...from,
    });
    if (!result.ok) throw new Error(result.reason);
    clock.advance(7 * 86_400_000 + 1);
    expect(await sessions.resolve(result.sessionId)).toBeNull();
  });
});

test('every change stands in the audit log, and no secret does', async () => {
  const { rows } = await db.pool.query<{ line: string }>(
    'SELECT row_to_json(audit_entries)::text AS line FROM audit_entries',
  );
  const text = rows.map(({ line }) => line).join('\n');
  for (const action of [
    'users.create',
    'users.invite',
    'users.acceptInvite',
    'users.disable',
    'users.changePassword',
    'sessions.signIn',
  ]) {
    expect(text).toContain(`"${action}"`);
  }
  expect(text).not.toContain(password);
  expect(text).not.toMatch(/argon2|token_?hash|password_?hash/i);
  expect(await runtime.auditReader.verify(new AbortController().signal)).toMatchObject({
    ok: true,
  });
});
