import { describe, expect, test } from 'vitest';
import type { Rule } from './contract.ts';
import { compile } from './decide.ts';
import { beforeRules, byRules, isProtected, type Subject } from './judge.ts';

const subject = (over: Partial<Subject> = {}): Subject => ({
  subject: 'key:1',
  label: 'bot',
  names: ['key:1', 'role:operator'],
  role: 'operator',
  scopes: [],
  person: false,
  fault: null,
  ...over,
});
const situation = { scope: '*', address: null, environment: 'production', nowMs: 0 };
const all: Rule = {
  id: '1',
  name: 'Nobody',
  description: '',
  subject: '*',
  tool: '*',
  scope: '*',
  effect: 'deny',
  conditions: {},
};
const ask = (policy: Parameters<typeof byRules>[0], who: Subject, tool: string, changes = true) =>
  byRules(policy, who, tool, { ...situation, changes });

describe('as long as no rules were read', () => {
  test('changes are refused and reading goes on', () => {
    expect(ask(null, subject(), 'breakers.force')).toMatchObject({ allowed: false, by: 'loading' });
    expect(ask(null, subject(), 'breakers.list', false)).toMatchObject({ allowed: true });
  });
  test('an admin gets in all the same', () => {
    const admin = subject({ person: true, role: 'admin' });
    expect(ask(null, admin, 'policies.setDefault')).toMatchObject({ allowed: true });
  });
});

describe('nobody is locked out', () => {
  const denyAll = compile([all], 'deny');
  const admin = subject({ person: true, role: 'admin', names: ['user:a@b.c', 'role:admin'] });
  test.each(['policies.update', 'users.setRole', 'users.me', 'sessions.revoke'])(
    'an admin who signed in keeps %s',
    (tool) => {
      expect(ask(denyAll, admin, tool)).toMatchObject({ allowed: true, by: 'protected' });
    },
  );
  test.each([
    'keys.create',
    'audit.list',
    'policies',
    'policiesX.list',
    'usersX.list',
    'system.info',
  ])('but not %s', (tool) => {
    expect(ask(denyAll, admin, tool)).toMatchObject({ allowed: false, ruleId: '1' });
  });
  test('others keep their own account and sessions, and programs nothing', () => {
    const viewer = subject({ person: true, role: 'viewer' });
    expect(isProtected(viewer, 'users.me')).toBe(true);
    expect(isProtected(viewer, 'sessions.revokeOthers')).toBe(true);
    expect(isProtected(viewer, 'users.rename')).toBe(false);
    expect(isProtected(viewer, 'policies.list')).toBe(false);
    expect(isProtected(subject({ role: 'admin' }), 'users.me')).toBe(false);
  });
});

describe('before the rules', () => {
  test('a credential that does not count', () => {
    expect(beforeRules(subject({ fault: 'gone' }), 'x', null)).toMatchObject({
      allowed: false,
      by: 'credential',
      reason: 'gone',
    });
  });
  test('scopes narrow every tool, capabilities open what asks for one', () => {
    const narrow = subject({ scopes: ['breakers.*', 'ingest'] });
    expect(beforeRules(narrow, 'breakers.list', { role: 'viewer' })).toBeNull();
    expect(beforeRules(narrow, 'health.report', { role: 'viewer' })?.by).toBe('scopes');
    expect(beforeRules(narrow, 'deploy', null)?.by).toBe('scopes');
    expect(beforeRules(narrow, 'metrics.ingest', { capability: 'ingest' })).toBeNull();
    expect(beforeRules(subject(), 'metrics.ingest', { capability: 'ingest' })?.by).toBe('scopes');
  });
  test('agents have no role, so that none is asked of them', () => {
    expect(beforeRules(subject({ role: null }), 'users.list', { role: 'admin' })).toBeNull();
  });
});

test('the reason is short, the detail names rule and question', () => {
  const rule = {
    ...all,
    description: 'Frozen.',
    conditions: {
      times: [{ days: [6, 7], from: '00:00', to: '00:00', timeZone: 'UTC' }],
      environments: ['production'],
    },
  };
  const saturday = Date.parse('2026-03-07T10:00:00Z');
  const judged = byRules(compile([rule], 'allow'), subject(), 'deploy', {
    ...situation,
    nowMs: saturday,
    changes: true,
  });
  expect(judged.reason).toBe('The policy “Nobody” denies it. Frozen.');
  expect(judged.conditional).toBe(true);
  expect(judged.detail).toBe(
    'Rule “Nobody”: deny * → * in *, at Sat, Sun 00:00–00:00 UTC, in the environment production. Asked: key:1, role:operator → deploy in *, from an unknown address, environment production.',
  );
});
