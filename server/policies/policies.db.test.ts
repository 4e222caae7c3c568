import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { querySchema } from '../metrics/contract.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { tcpProxy } from '../platform/testing/tcp-proxy.ts';
import { decideSchema, ruleSchema } from './contract.ts';

const system = await testHost();
const { call, keys, runtime } = system;
const { policies } = runtime;
const input = (value: unknown) => `?input=${encodeURIComponent(JSON.stringify(value))}`;

const get = async (name: string, value: unknown, key = keys.admin) => {
  const answer = await call(`/api/trpc/${name}${input(value)}`, { headers: bearer(key) });
  const body = await answer.json();
  return { status: answer.status, data: body.result?.data, error: body.error };
};
const post = async (name: string, value: unknown, key = keys.admin) => {
  const answer = await call(`/api/trpc/${name}`, json(key, value));
  const body = await answer.json();
  return { status: answer.status, data: body.result?.data, error: body.error };
};
/** As the admin's browser sends it. */
const asPerson = async (name: string, value: unknown, cookie: string, mutation = false) => {
  const headers = { cookie, 'content-type': 'application/json', origin: system.url };
  const answer = mutation
    ? await call(`/api/trpc/${name}`, { method: 'POST', headers, body: JSON.stringify(value) })
    : await call(`/api/trpc/${name}${input(value)}`, { headers });
  return answer.status;
};
const make = (over: object) =>
  policies.create(
    testAuthority,
    ruleSchema.parse({ name: randomUUID(), subject: '*', tool: '*', effect: 'deny', ...over }),
  );
const decide = (over: object) =>
  policies.decide('test', decideSchema.parse({ tool: 'deploy', dryRun: true, ...over }));
const keyId = async (name: string) =>
  (await runtime.db.prisma.apiKey.findFirstOrThrow({ where: { name }, select: { id: true } })).id;

beforeEach(async () => {
  await runtime.db.prisma.policyRule.deleteMany();
  await policies.setDefault(testAuthority, { effect: 'deny', reason: 'a test begins' });
  await policies.setDefault(testAuthority, { effect: 'allow', reason: 'a test begins' });
});

describe('procedures', () => {
  test('as shipped the role decides', async () => {
    expect((await get('system.info', {}, keys.viewer)).status).toBe(200);
    expect(await decide({ subject: 'agent:bot' })).toEqual({
      allowed: true,
      reason: 'No rule speaks of it; the default allows what the role allows.',
      ruleId: null,
    });
  });

  test('a deny is a 403 with its reason at once, for queries and for changes, and nothing is changed', async () => {
    const id = await keyId('operator');
    const { id: ruleId } = await make({
      name: 'No forcing',
      description: 'Ask the team first.',
      subject: `key:${id}`,
      tool: 'breakers.*',
    });
    const denied = await post(
      'breakers.force',
      { name: 'shop', state: 'open', reason: 'a test' },
      keys.operator,
    );
    expect([denied.status, denied.error.data.code]).toEqual([403, 'FORBIDDEN']);
    expect(denied.error.message).toBe('The policy “No forcing” denies it. Ask the team first.');
    expect((await get('breakers.list', {}, keys.operator)).status).toBe(403);
    expect((await get('breakers.list', {}, keys.viewer)).status).toBe(200);
    expect((await get('system.info', {}, keys.operator)).status).toBe(200);
    expect(await runtime.db.prisma.breaker.count()).toBe(0);
    await policies.flush();
    const { data } = await get('policies.denials', { subject: id });
    expect(data.items.map(({ tool }: { tool: string }) => tool).sort()).toEqual([
      'breakers.force',
      'breakers.list',
    ]);
    expect(data.items[0]).toMatchObject({
      subject: `key:${id}`,
      subjectName: 'operator',
      by: 'rule',
      ruleId,
      ruleName: 'No forcing',
      address: '127.0.0.1',
      count: 1,
    });
    expect(data.items[0].detail).toContain(`deny key:${id} → breakers.* in *`);
  });

  test('with the default deny only what a rule allows goes on, and no rule gives more than the role', async () => {
    await make({ subject: 'role:viewer', tool: 'system.*', effect: 'allow' });
    await make({ subject: 'role:viewer', tool: 'breakers.upsert', effect: 'allow' });
    await policies.setDefault(testAuthority, { effect: 'deny', reason: 'for a test' });
    expect((await get('system.info', {}, keys.viewer)).status).toBe(200);
    const other = await get('breakers.list', {}, keys.viewer);
    expect([other.status, other.error.message]).toEqual([
      403,
      'No rule allows it, and the default is to deny.',
    ]);
    const more = await post('breakers.upsert', { name: 'x' }, keys.viewer);
    expect(more.error.message).toBe('This needs the role operator; yours is viewer.');
    const { id } = await make({ subject: 'role:admin', tool: 'policies.*', effect: 'allow' });
    expect((await post('policies.remove', { id })).status).toBe(200);
    expect((await get('policies.list', {})).status).toBe(403);
  });

  test('an admin who signed in is never locked out', async () => {
    const { cookie } = await system.session();
    await make({});
    await policies.setDefault(testAuthority, { effect: 'deny', reason: 'for a test' });
    for (const name of [
      'policies.list',
      'policies.status',
      'users.list',
      'users.me',
      'sessions.list',
    ])
      expect([name, await asPerson(name, {}, cookie)]).toEqual([name, 200]);
    expect(await asPerson('system.info', {}, cookie)).toBe(403);
    expect(await asPerson('audit.list', {}, cookie)).toBe(403);
    // A key of an admin is no person: it may be taken away from it.
    expect((await get('policies.list', {})).status).toBe(403);
    const [rule] = (await policies.list({ limit: 1 })).items;
    expect(await asPerson('policies.remove', { id: rule?.id }, cookie, true)).toBe(200);
    const allow = { effect: 'allow', reason: 'back again' };
    expect(await asPerson('policies.setDefault', allow, cookie, true)).toBe(200);
    expect((await get('policies.list', {})).status).toBe(200);
  });

  test('conditions: the address of the caller and the environment of this installation', async () => {
    await make({
      subject: 'role:viewer',
      tool: 'system.*',
      conditions: { addresses: ['192.0.2.0/24'] },
    });
    expect((await get('system.info', {}, keys.viewer)).status).toBe(200);
    await make({
      subject: 'role:viewer',
      tool: 'system.*',
      conditions: { environments: ['staging'] },
    });
    expect((await get('system.info', {}, keys.viewer)).status).toBe(200);
    await make({
      subject: 'role:viewer',
      tool: 'system.*',
      conditions: { addresses: ['127.0.0.0/8'], environments: ['production'] },
    });
    expect((await get('system.info', {}, keys.viewer)).status).toBe(403);
  });

  test('a stream is refused, and ends when a rule comes', async () => {
    const stream = await call('/api/stream', { headers: bearer(keys.viewer) });
    expect(stream.status).toBe(200);
    const ended = stream.text();
    await make({ name: 'No streams', subject: 'role:viewer', tool: 'stream.*' });
    expect(await ended).toContain('event: ended');
    const refused = await call('/api/stream', { headers: bearer(keys.viewer) });
    expect([refused.status, (await refused.json()).detail]).toEqual([
      403,
      'The policy “No streams” denies it.',
    ]);
  });

  test('an audit entry names the rule that authorised the change', async () => {
    const { id } = await make({ subject: 'role:operator', tool: 'breakers.*', effect: 'allow' });
    expect((await post('breakers.upsert', { name: 'by-rule' }, keys.operator)).status).toBe(200);
    const { items } = await runtime.auditReader.list({ limit: 1, action: 'breakers.' });
    expect(items[0]?.rule).toBe(`policy:${id}`);
  });
});

describe('policies.decide', () => {
  test('answers for agents, tools and scopes that the console does not know', async () => {
    await make({ name: 'No prod', subject: 'agent:*', tool: 'deploy', scope: 'prod/*' });
    await make({ name: 'Bot may', subject: 'agent:bot', tool: '*', effect: 'allow' });
    const ask = async (subject: string, tool: string, scope: string) =>
      (await get('policies.decide', { subject, tool, scope, dryRun: true }, keys.viewer)).data;
    expect(await ask('agent:bot', 'deploy', 'prod/payments')).toMatchObject({
      allowed: false,
      reason: 'The policy “No prod” denies it.',
    });
    expect(await ask('agent:bot', 'deploy', 'staging/payments')).toMatchObject({
      allowed: true,
      reason: 'The policy “Bot may” allows it.',
    });
    expect(await ask('agent:bot', 'deploy', '*')).toMatchObject({ allowed: false });
    expect(Object.keys(await ask('agent:x', 'read', 'prod')).sort()).toEqual([
      'allowed',
      'reason',
      'ruleId',
    ]);
  });

  test('a credential that does not count may do nothing, whatever the rules', async () => {
    await make({ subject: '*', effect: 'allow' });
    const made = await runtime.keys.create(testAuthority, {
      name: 'for a while',
      role: 'operator',
      scopes: [],
    });
    const subject = `key:${made.id}`;
    expect(await decide({ subject })).toMatchObject({ allowed: true });
    await runtime.db.prisma.apiKey.update({
      where: { id: made.id },
      data: { revokedAt: new Date() },
    });
    expect(await decide({ subject })).toEqual({
      allowed: false,
      reason: 'This key was revoked or has ended.',
      ruleId: null,
    });
    for (const [unknown, reason] of [
      [`key:${randomUUID()}`, 'There is no such key.'],
      ["key:' OR 1=1 --", 'There is no such key.'],
      ['user:nobody@example.com', 'There is no such account.'],
      ['token:nothing', 'No token of this subject was issued.'],
      ['role:king', 'There is no such role.'],
    ])
      expect(await decide({ subject: unknown })).toEqual({ allowed: false, reason, ruleId: null });
  });

  test('a token that was revoked, by its id or by its subject, may do nothing', async () => {
    const issue = async () =>
      runtime.tokens.issue(testAuthority, null, {
        subject: 'ci/deploy',
        scopes: [],
        ttlSeconds: 300,
        role: 'operator',
      });
    const one = await issue();
    expect(await decide({ subject: 'token:ci/deploy' })).toMatchObject({ allowed: true });
    expect(await decide({ subject: `token:${one.jti}` })).toMatchObject({ allowed: true });
    await runtime.tokens.revoke(testAuthority, { jti: one.jti, reason: 'a test' });
    const gone = { allowed: false, reason: 'This token was revoked or has ended.' };
    expect(await decide({ subject: `token:${one.jti}` })).toMatchObject(gone);
    expect(await decide({ subject: 'token:ci/deploy' })).toMatchObject(gone);
  });

  test('rules for a key hold for the tokens that it issued, and what is revoked with it may do nothing', async () => {
    const made = await runtime.keys.create(testAuthority, {
      name: 'issuer',
      role: 'admin',
      scopes: [],
    });
    const issued = await post(
      'tokens.issue',
      { subject: 'ci/nightly', scopes: [], ttlSeconds: 300 },
      made.key,
    );
    expect(issued.status).toBe(200);
    expect(await decide({ subject: 'token:ci/nightly' })).toMatchObject({ allowed: true });
    const { id } = await make({ subject: `key:${made.id}`, tool: 'breakers.*' });
    const tool = 'breakers.list';
    expect((await get(tool, {}, issued.data.token)).status).toBe(403);
    expect(await decide({ subject: 'token:ci/nightly', tool })).toMatchObject({ ruleId: id });
    expect((await get('system.info', {}, issued.data.token)).status).toBe(200);
    await runtime.keys.revoke(testAuthority, { id: made.id });
    expect(await decide({ subject: 'token:ci/nightly' })).toMatchObject({ allowed: false });
    expect(await decide({ subject: `token:${issued.data.jti}` })).toMatchObject({ allowed: false });
  });

  test('role and scopes come before the rules', async () => {
    await make({ subject: '*', effect: 'allow' });
    expect(await decide({ subject: 'role:viewer', tool: 'users.invite' })).toMatchObject({
      allowed: false,
      reason: 'This needs the role admin; that of the subject is viewer.',
    });
    const made = await runtime.keys.create(testAuthority, {
      name: 'narrow',
      role: 'admin',
      scopes: ['breakers.*'],
    });
    const subject = `key:${made.id}`;
    expect(await decide({ subject, tool: 'breakers.list' })).toMatchObject({ allowed: true });
    expect(await decide({ subject, tool: 'users.invite' })).toMatchObject({ allowed: false });
    expect(await decide({ subject, tool: 'metrics.ingest' })).toMatchObject({
      reason: 'This needs a key or token with the scope ingest.',
    });
    const { email } = system.admin;
    expect(
      await decide({ subject: `user:${email.toUpperCase()}`, tool: 'users.invite' }),
    ).toMatchObject({
      allowed: true,
    });
  });

  test('a dry run leaves nothing behind, a decision is an event with few labels', async () => {
    await make({ name: 'No deploys', subject: 'agent:writer', tool: 'deploy' });
    const ask = (dryRun: boolean, n: number) =>
      decide({ subject: 'agent:writer', tool: 'deploy', scope: `prod/${n % 2}`, dryRun });
    for (let i = 0; i < 6; i++) await ask(true, i);
    await policies.flush();
    const rows = () =>
      runtime.db.prisma.policyDecision.findMany({ where: { subject: 'agent:writer' } });
    expect(await rows()).toEqual([]);
    for (let i = 0; i < 6; i++) await ask(false, i);
    await policies.flush();
    for (let i = 0; i < 2; i++) await ask(false, 0);
    await policies.flush();
    const stored = await rows();
    expect(
      stored.map(({ scope, count, allowed }) => [scope, Number(count), allowed]).sort(),
    ).toEqual([
      ['prod/0', 5, false],
      ['prod/1', 3, false],
    ]);
    const { series } = await runtime.metricStore.query(
      querySchema.parse({
        metric: 'policy_decisions',
        timeRange: '1h',
        groupBy: ['subject', 'tool', 'outcome', 'rule'],
        filters: [{ field: 'subject', op: 'eq', value: 'agent:writer' }],
        aggregations: ['sum'],
      }),
    );
    expect(series.map(({ labels, points }) => [labels, points[0]?.values.sum])).toEqual([
      [{ subject: 'agent:writer', tool: 'deploy', outcome: 'denied', rule: 'No deploys' }, 8],
    ]);
    const { items } = await policies.denials({ limit: 10, subject: 'agent:writer' });
    expect(items.reduce((sum, { count }) => sum + count, 0)).toBe(8);
    expect(items[0]?.askedBy).toBe('test');
  });

  test('another time is for dry runs alone', async () => {
    const conditions = { times: [{ days: [6, 7], from: '00:00', to: '00:00', timeZone: 'UTC' }] };
    await make({ subject: 'agent:bot', conditions });
    const at = (time: string) => ({ subject: 'agent:bot', tool: 'x', at: time });
    expect(await decide(at('2026-03-07T12:00:00Z'))).toMatchObject({ allowed: false });
    expect(await decide(at('2026-03-09T12:00:00Z'))).toMatchObject({ allowed: true });
    expect((await get('policies.decide', at('2026-03-07T12:00:00Z'))).status).toBe(400);
  });
});

describe('rules', () => {
  const input = { name: 'One', subject: 'role:viewer', tool: 'system.*', effect: 'deny' };

  test('a change takes the version that was read; the second of two admins is told', async () => {
    const { data } = await post('policies.create', input);
    expect(data.version).toBe(1);
    const change = (version: number, description: string) =>
      post('policies.update', { id: data.id, version, description });
    const both = await Promise.all([change(1, 'a'), change(1, 'b')]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    const late = await change(1, 'c');
    expect(late.error.message).toMatch(/^admin changed this rule meanwhile/);
    expect((await change(2, 'c')).data).toEqual({ version: 3 });
    expect((await post('policies.remove', { id: data.id, version: 2 })).status).toBe(409);
    expect((await post('policies.remove', { id: data.id, version: 3 })).status).toBe(200);
    expect((await post('policies.remove', { id: data.id })).status).toBe(404);
    const { items } = await runtime.auditReader.list({ limit: 4, action: 'policies.' });
    expect(items.map(({ action }) => action)).toEqual([
      'policies.remove',
      'policies.update',
      'policies.update',
      'policies.create',
    ]);
    expect(items[1]).toMatchObject({ after: { description: 'c', name: 'One' } });
  });

  test('a name is taken once, and the default changes with a reason', async () => {
    expect((await post('policies.create', input)).status).toBe(200);
    const twice = await post('policies.create', input);
    expect([twice.status, twice.error.data.fields[0].path]).toEqual([409, 'name']);
    expect((await post('policies.setDefault', { effect: 'deny' })).status).toBe(400);
    await make({ subject: 'role:admin', effect: 'allow' });
    expect((await post('policies.setDefault', { effect: 'deny', reason: 'tight' })).status).toBe(
      200,
    );
    expect((await get('policies.status', {})).data).toMatchObject({
      defaultEffect: 'deny',
      defaultBy: 'admin',
      rules: 2,
      environment: 'production',
    });
  });

  test('pages by cursor, newest first; a rule that is off decides nothing', async () => {
    for (let i = 0; i < 5; i++) await make({ name: `rule ${i}`, enabled: false });
    const first = (await get('policies.list', { limit: 3 })).data;
    const second = (await get('policies.list', { limit: 3, cursor: first.nextCursor })).data;
    const names = [...first.items, ...second.items].map(({ name }: { name: string }) => name);
    expect(names).toEqual(['rule 4', 'rule 3', 'rule 2', 'rule 1', 'rule 0']);
    expect(second.nextCursor).toBeNull();
    expect((await get('system.info', {}, keys.viewer)).status).toBe(200);
  });

  test('a rule for one key names it', async () => {
    await make({ name: 'one', subject: `key:${await keyId('viewer')}` });
    await make({ name: 'gone', subject: `key:${randomUUID()}` });
    await make({ name: 'many', subject: 'key:*', tool: 'deploy' });
    const { data } = await get('policies.list', {});
    expect(
      data.items.map(({ name, subjectName }: Record<string, unknown>) => [name, subjectName]),
    ).toEqual([
      ['many', null],
      ['gone', null],
      ['one', 'viewer'],
    ]);
  });

  test('there are at most a thousand', async () => {
    const now = new Date();
    await runtime.db.prisma.policyRule.createMany({
      data: Array.from({ length: 1_000 }, (_, i) => ({
        id: randomUUID(),
        name: `many ${i}`,
        description: '',
        subject: 'agent:nobody',
        tool: '*',
        scope: '*',
        effect: 'deny',
        conditions: {},
        enabled: true,
        version: 1,
        createdAt: now,
        createdBy: 'test',
        updatedAt: now,
        updatedBy: 'test',
      })),
    });
    expect((await post('policies.create', input)).status).toBe(409);
  });
});

describe('before it is saved, and afterwards', () => {
  test('a preview says which recorded decisions would change, and changes nothing', async () => {
    await policies.flush();
    await runtime.db.prisma.policyDecision.deleteMany();
    for (let i = 0; i < 3; i++) await get('system.info', {}, keys.viewer);
    await get('breakers.list', {}, keys.viewer);
    await get('breakers.list', {}, keys.operator);
    const { cookie } = await system.session();
    await asPerson('users.me', {}, cookie);
    const rule = { name: 'Try', subject: 'role:viewer', tool: '*', effect: 'deny' };
    const { data } = await get('policies.preview', { rule });
    expect(data.changed).toBe(2);
    expect(data.changedCalls).toBe(4);
    expect(
      data.items
        .map(({ tool, before, after }: Record<string, unknown>) => [tool, before, after])
        .sort(),
    ).toEqual([
      ['breakers.list', true, false],
      ['system.info', true, false],
    ]);
    expect((await get('system.info', {}, keys.viewer)).status).toBe(200);
    const all = (await get('policies.preview', { rule: { ...rule, subject: '*' } })).data;
    expect(all.items.map(({ tool }: { tool: string }) => tool)).not.toContain('users.me');
    const made = await make({ ...rule, tool: 'system.*' });
    const off = await get('policies.preview', {
      id: made.id,
      rule: { ...rule, tool: 'system.*', enabled: false },
    });
    expect(off.data.items.map(({ tool, after }: Record<string, unknown>) => [tool, after])).toEqual(
      [['system.info', true]],
    );
  });

  test('the matrix says who can do what, for every procedure', async () => {
    const { id } = await make({ name: 'Not me', subject: 'role:operator', tool: 'breakers.force' });
    const { data } = await get('policies.matrix', {});
    expect(data.truncated).toBe(false);
    const names = Object.keys(runtime.router._def.procedures);
    expect(data.rows.map(({ tool }: { tool: string }) => tool)).toEqual(
      expect.arrayContaining(names),
    );
    const answer = (tool: string, subject: string) => {
      const at = data.subjects.findIndex((each: { subject: string }) => each.subject === subject);
      const row = data.rows.find((each: { tool: string }) => each.tool === tool);
      return data.answers[row.cells[at]];
    };
    expect(answer('breakers.force', 'role:operator')).toMatchObject({
      allowed: false,
      by: 'rule',
      ruleId: id,
    });
    expect(answer('breakers.force', 'role:admin')).toMatchObject({ allowed: true, by: 'default' });
    expect(answer('breakers.force', 'role:viewer')).toMatchObject({ allowed: false, by: 'role' });
    expect(answer('users.list', `key:${await keyId('admin')}`)).toMatchObject({ allowed: true });
    const few = (await get('policies.matrix', { subjects: ['agent:a'], tools: ['t'] })).data;
    expect([few.subjects.length, few.rows.length]).toEqual([1, 1]);
  });

  test('what is old is taken away', async () => {
    await decide({ subject: 'agent:old', dryRun: false });
    await make({ subject: 'agent:old' });
    await decide({ subject: 'agent:old', dryRun: false });
    await policies.flush();
    const longAgo = new Date(Date.now() - 31 * 86_400_000);
    await runtime.db.prisma.policyDecision.updateMany({ data: { lastAt: longAgo } });
    await runtime.db.prisma.policyDenial.updateMany({ data: { at: longAgo } });
    expect(await policies.purge()).toBeGreaterThan(2);
    expect(await runtime.db.prisma.policyDecision.count()).toBe(0);
    expect(await runtime.db.prisma.policyDenial.count()).toBe(0);
  });
});

describe('in memory', () => {
  test('another replica without Redis has a change within a second or two', async () => {
    const other = await testRuntime({ databaseUrl: runtime.config.DATABASE_URL ?? '' });
    const ask = () =>
      other.policies.decide(
        'test',
        decideSchema.parse({ subject: 'agent:far', tool: 'x', dryRun: true }),
      );
    expect((await ask()).allowed).toBe(true);
    await make({ subject: 'agent:far' });
    await vi.waitFor(async () => expect((await ask()).allowed).toBe(false), {
      timeout: 5_000,
      interval: 50,
    });
  });

  test('while PostgreSQL is away the last rules hold, and what was decided is written afterwards', async () => {
    const url = new URL(runtime.config.DATABASE_URL ?? '');
    const wire = await tcpProxy({ host: url.hostname, port: Number(url.port) });
    url.host = `127.0.0.1:${wire.port}`;
    const other = await testRuntime({ databaseUrl: url.href });
    await make({ subject: 'role:viewer', tool: 'breakers.*' });
    await other.policies.reload();
    const viewer = {
      kind: 'key' as const,
      id: randomUUID(),
      versionId: randomUUID(),
      name: 'far away',
      role: 'viewer' as const,
      scopes: [],
    };
    wire.cut();
    const check = (tool: string) =>
      other.policies.check(viewer, tool, 'query', '192.0.2.1').allowed;
    expect([check('breakers.list'), check('system.info')]).toEqual([false, true]);
    await expect(other.policies.flush()).rejects.toThrow();
    expect(check('breakers.list')).toBe(false);
    wire.mend();
    await vi.waitFor(() => other.policies.flush(), { timeout: 10_000, interval: 100 });
    const { items } = await policies.denials({ limit: 5, subject: 'far away' });
    expect(items.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    const rows = await runtime.db.prisma.policyDecision.findMany({
      where: { subject: `key:${viewer.id}` },
      orderBy: { tool: 'asc' },
    });
    expect(rows.map(({ tool, count }) => [tool, Number(count)])).toEqual([
      ['breakers.list', 2],
      ['system.info', 1],
    ]);
  });

  test('what is in memory is dropped and read again on demand', async () => {
    await make({ subject: 'agent:memory' });
    // Past the number of the version, so that nothing but a reading sees it.
    await runtime.db.prisma.policyRule.deleteMany();
    expect((await decide({ subject: 'agent:memory' })).allowed).toBe(false);
    await policies.reload();
    expect((await decide({ subject: 'agent:memory' })).allowed).toBe(true);
    expect(policies.isOld()).toBe(false);
    expect(policies.component()).toMatchObject({ status: 'ok', detail: '0 rules, default allow' });
  });
});
