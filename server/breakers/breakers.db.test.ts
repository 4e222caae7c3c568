/** Breakers over real HTTP on a real PostgreSQL: permits, holds, alerts, the client, and what is refused. */
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { BreakerOpenError, createBreakerClient } from '../client/index.ts';
import { manualClock } from '../platform/clock.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { startRedis, testRuntime } from '../platform/testing/index.ts';
import { createJournal } from './journal.ts';

const clock = manualClock('2026-03-02T08:00:00Z');
const { runtime, call, keys, url } = await testHost({ clock });
const { db } = runtime;
const { key } = await runtime.keys.create(testAuthority, {
  name: 'alertmanager',
  role: 'viewer',
  scopes: ['webhook'],
});
let count = 0;
const fresh = async (more: object = {}) => {
  const name = `service ${++count}`;
  await mutate('breakers.upsert', { name, ...more });
  return name;
};

async function send(procedure: string, input: unknown, key = keys.operator) {
  const answer = await call(`/api/trpc/${procedure}`, json(key, input));
  return { status: answer.status, body: await answer.json() };
}
async function mutate(procedure: string, input: unknown, key = keys.operator) {
  const { status, body } = await send(procedure, input, key);
  if (status !== 200) throw new Error(`${procedure}: ${JSON.stringify(body)}`);
  return body.result.data;
}
async function ask(procedure: string, input: unknown, key = keys.viewer) {
  const query = encodeURIComponent(JSON.stringify(input));
  const answer = await call(`/api/trpc/${procedure}?input=${query}`, { headers: bearer(key) });
  const body = await answer.json();
  if (answer.status !== 200) throw new Error(`${procedure}: ${JSON.stringify(body)}`);
  return body.result.data;
}
const permit = (name: string) => mutate('breakers.permit', { name });
const record = (name: string, text: string | null, outcome: string) =>
  mutate('breakers.record', { name, permit: text, outcome, durationMs: 5 });
const fail = async (name: string, times = 10) => {
  for (let n = 0; n < times; n++) await record(name, (await permit(name)).permit, 'failure');
};

describe('permits', () => {
  test('ten failures open it, sixty seconds later three trials close it, and each step is in its history', async () => {
    const name = await fresh();
    await fail(name);
    expect(await permit(name)).toEqual({
      allowed: false,
      state: 'open',
      permit: null,
      retryAfterMs: 60_000,
    });
    clock.advance(59_999);
    expect((await permit(name)).allowed).toBe(false);
    clock.advance(1);
    const trials = [];
    for (let n = 0; n < 4; n++) trials.push(await permit(name));
    expect(trials.map(({ allowed, state }) => [allowed, state])).toEqual([
      [true, 'half_open'],
      [true, 'half_open'],
      [true, 'half_open'],
      [false, 'half_open'],
    ]);
    for (const trial of trials.slice(0, 3)) await record(name, trial.permit, 'success');
    expect((await ask('breakers.get', { name })).state).toBe('closed');
    await vi.waitFor(async () => {
      const { items } = await ask('breakers.events', { name });
      expect(items.map(({ to, cause }: { to: string; cause: string }) => [to, cause])).toEqual([
        ['closed', 'trial_succeeded'],
        ['half_open', 'trial_due'],
        ['open', 'failures'],
      ]);
    });
    const page = await ask('breakers.events', { name, limit: 2 });
    const rest = await ask('breakers.events', { name, limit: 2, cursor: page.nextCursor });
    expect([page.items.length, rest.items.length, rest.nextCursor]).toEqual([2, 1, null]);
  });

  test('one permit counts once, for its own breaker, and one that was never recorded fails its trial', async () => {
    const [name, other] = [await fresh(), await fresh()];
    const given = await permit(name);
    expect(await record(name, given.permit, 'failure')).toEqual({ state: 'closed', counted: true });
    expect(await record(name, given.permit, 'failure')).toEqual({
      state: 'closed',
      counted: false,
    });
    expect(await record(name, null, 'failure')).toEqual({ state: 'closed', counted: false });
    for (const text of [given.permit, `${given.permit}x`, 'nonsense', '']) {
      const { status, body } = await send('breakers.record', {
        name: other,
        permit: text,
        outcome: 'failure',
        durationMs: 1,
      });
      expect(status).toBe(400);
      expect(body.error.data.fields[0].path).toBe('permit');
    }
    expect((await ask('breakers.get', { name })).failures).toBe(1);

    await fail(name);
    clock.advance(60_000);
    expect((await permit(name)).state).toBe('half_open');
    clock.advance(30_000);
    expect((await ask('breakers.get', { name })).state).toBe('open');
    await vi.waitFor(async () => {
      const { items } = await ask('breakers.events', { name });
      expect(items[0]).toMatchObject({ to: 'open', cause: 'trial_lost' });
    });
  });

  test('one from before a restart moves nothing', async () => {
    const name = await fresh();
    const given = await permit(name);
    const again = await testRuntime({ clock, databaseUrl: runtime.databaseUrl });
    const input = { name, permit: given.permit, outcome: 'failure', durationMs: 1 } as const;
    expect(await again.breakers.record(input)).toEqual({ state: 'closed', counted: false });
    expect((await again.breakers.get(name)).calls).toBe(0);
  });

  test('one of an hour ago, and one of an earlier generation, are dropped', async () => {
    const name = await fresh();
    const old = await permit(name);
    await mutate('breakers.reset', { name, reason: 'begin again' });
    expect((await record(name, old.permit, 'failure')).counted).toBe(false);
    const late = await permit(name);
    clock.advance(3_601_000);
    expect((await record(name, late.permit, 'failure')).counted).toBe(false);
    expect((await ask('breakers.get', { name })).calls).toBe(0);
  });
});

test('a change that cannot be written does not keep the others from the history', async () => {
  const name = await fresh();
  const wrong = {
    name: 'x',
    from: 'closed',
    to: 'open',
    forced: null,
    cause: 'failures',
    agoMs: 0,
  } as const;
  const journal = createJournal({ ...runtime, replica: 'test' });
  await Promise.all([
    journal.add({ ...wrong, generation: 2 ** 40 }, undefined),
    journal.add({ ...wrong, name, generation: 2 }, undefined),
  ]);
  await vi.waitFor(async () => {
    const { items } = await ask('breakers.events', { name });
    expect(items).toHaveLength(1);
  });
});

describe('an operator', () => {
  test('holds it open with a reason, through a restart, until somebody hands it back', async () => {
    const name = await fresh();
    const reason = 'the <b>vendor</b> is migrating';
    expect(await mutate('breakers.force', { name, state: 'open', reason })).toEqual({
      state: 'forced_open',
    });
    clock.advance(7 * 86_400_000);
    expect(await permit(name)).toMatchObject({ allowed: false, retryAfterMs: null });
    const again = await testRuntime({ clock, databaseUrl: runtime.databaseUrl });
    await again.breakers.start();
    expect(await again.breakers.permit(name)).toMatchObject({
      allowed: false,
      state: 'forced_open',
    });
    expect((await again.breakers.get(name)).hold).toMatchObject({
      state: 'open',
      kind: 'operator',
      by: 'operator',
      reason,
    });
    await mutate('breakers.force', { name, state: 'auto', reason: 'done' });
    expect((await permit(name)).state).toBe('half_open');
    const actions = await db.prisma.auditEntry.findMany({
      where: { targetName: name },
      orderBy: { seq: 'asc' },
      select: { action: true, after: true },
    });
    expect(actions.map(({ action }) => action)).toEqual([
      'breakers.create',
      'breakers.force_open',
      'breakers.force_auto',
    ]);
    expect(actions[1]?.after).toEqual({ state: 'open', reason });
  });

  test('holds it closed: failures change nothing and calls pass', async () => {
    const name = await fresh();
    await mutate('breakers.force', { name, state: 'closed', reason: 'false alarm' });
    await fail(name, 20);
    expect(await permit(name)).toMatchObject({ allowed: true, state: 'forced_closed' });
    await mutate('breakers.force', { name, state: 'auto', reason: 'over' });
    expect(await ask('breakers.get', { name })).toMatchObject({ state: 'closed', calls: 0 });
  });

  test('two at once leave one hold, and what the page shows is what is done', async () => {
    const name = await fresh();
    await Promise.all(
      ['open', 'closed', 'open', 'closed', 'open', 'closed'].map((state, n) =>
        mutate('breakers.force', { name, state, reason: `operator ${n}` }),
      ),
    );
    // The last word in the database is what counts; the live state follows it within its next look.
    await vi.waitFor(
      async () => {
        const { hold, state } = await ask('breakers.get', { name });
        expect(state).toBe(`forced_${hold.state}`);
      },
      { timeout: 12_000 },
    );
  });

  test.each([
    ['breakers.upsert', { name: 'x' }],
    ['breakers.force', { name: 'x', state: 'open', reason: 'r' }],
    ['breakers.reset', { name: 'x', reason: 'r' }],
    ['breakers.trip', { name: 'x', reason: 'r' }],
    ['breakers.remove', { name: 'x' }],
    ['breakers.permit', { name: 'x' }],
    ['breakers.record', { name: 'x', permit: null, outcome: 'success', durationMs: 1 }],
    ['breakers.sync', { replica: 'x' }],
    ['breakers.act', { name: 'x', act: { kind: 'acquire' } }],
  ])('is needed for %s', async (procedure, input) => {
    expect((await send(procedure, input, keys.viewer)).status).toBe(403);
  });

  test.each([
    [{ name: ' ' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ name: 'a\u0000b' }, 'name'],
    [{ name: 'x', policy: { minimumCalls: 0 } }, 'policy.minimumCalls'],
    [{ name: 'x', policy: { failureThreshold: null } }, 'policy.failureThreshold'],
    [{ name: 'x', policy: { openMs: 'soon' } }, 'policy.openMs'],
    [{ name: 'x', policy: { windowMs: 60_000, bucketMs: 7_000 } }, 'policy.bucketMs'],
    [{ name: 'x', policy: { __proto__: null, other: 1 } }, 'policy'],
    [{ name: 'x', matchers: {} }, 'matchers'],
  ])('is told what is wrong with %j', async (input, field) => {
    const { status, body } = await send('breakers.upsert', input);
    expect(status).toBe(400);
    expect(body.error.data.fields.map(({ path }: { path: string }) => path)).toContain(field);
  });

  test('of a breaker that is none hears its name', async () => {
    const { status, body } = await send('breakers.permit', { name: "'; DROP TABLE breakers; --" });
    expect(status).toBe(404);
    expect(body.error.message).toContain("'; DROP TABLE breakers; --");
  });

  test('brings no number from which nobody could count on', async () => {
    const name = await fresh();
    const brought = { kind: 'rejoin', base: 1, machine: 'open', openedAgoMs: 0 };
    const poison = { ...brought, generation: Number.MAX_SAFE_INTEGER };
    expect((await send('breakers.act', { name, act: poison })).status).toBe(400);
    const { answer } = await mutate('breakers.act', { name, act: { ...brought, generation: 7 } });
    expect(answer).toMatchObject({ machine: 'open', generation: 8 });
  });

  test('brings many new names at once, and leaves the database to others', async () => {
    let used = 0;
    let most = 0;
    const took = () => {
      most = Math.max(most, ++used);
    };
    const gave = () => used--;
    db.pool.on('acquire', took).on('release', gave);
    const offers = Array.from({ length: 120 }, (_, n) => ({
      name: `brought ${n % 110}`,
      policy: { minimumCalls: 3 },
      generation: 1,
      window: '1.2.1.0',
    }));
    const programs = ['a', 'b', 'c'].map((replica) => mutate('breakers.sync', { replica, offers }));
    for (const { answers } of await Promise.all(programs)) {
      expect(answers.map(({ name }: { name: string }) => name)).toEqual(
        offers.map(({ name }) => name),
      );
      expect(answers[119].policy.minimumCalls).toBe(3);
    }
    db.pool.off('acquire', took).off('release', gave);
    expect(most).toBeLessThan(8);
    const { rows } = await db.pool.query(
      `SELECT count(*)::int AS lines, count(DISTINCT target_name)::int AS names FROM audit_entries
       WHERE action = 'breakers.create' AND target_name LIKE 'brought %'`,
    );
    expect(rows).toEqual([{ lines: 110, names: 110 }]);
  });

  test('turns a page that is none', async () => {
    const input = encodeURIComponent(JSON.stringify({ limit: 5, cursor: 'a\u0000' }));
    const answer = await call(`/api/trpc/breakers.list?input=${input}`, {
      headers: bearer(keys.viewer),
    });
    expect(answer.status).toBe(400);
  });

  test('changes a policy that counts at once', async () => {
    const name = await fresh();
    await mutate('breakers.upsert', { name, policy: { minimumCalls: 2 }, description: 'billing' });
    await fail(name, 2);
    expect(await ask('breakers.get', { name })).toMatchObject({
      state: 'open',
      description: 'billing',
      policy: { minimumCalls: 2, windowMs: 60_000 },
    });
    await mutate('breakers.upsert', { name, description: '' });
    expect((await ask('breakers.get', { name })).policy.minimumCalls).toBe(2);
    await mutate('breakers.remove', { name });
    await expect(permit(name)).rejects.toThrow('There is no breaker');
  });
});

describe('alerts', () => {
  const deliver = async (status: string, labels: object, fingerprint: string, version = '4') => {
    const answer = await call(
      '/api/webhooks/alertmanager',
      json(key, {
        version,
        alerts: [
          {
            status,
            labels: { alertname: 'Down', ...labels },
            annotations: { summary: `${fingerprint} is down` },
            startsAt: '2026-03-02T08:00:00Z',
            fingerprint,
          },
        ],
      }),
    );
    expect(answer.status).toBe(200);
  };
  const state = async (name: string) => (await ask('breakers.get', { name })).state;

  test('hold the breaker that their label names while they fire, and hand it back', async () => {
    const name = await fresh();
    await deliver('firing', { breaker: name }, 'a1');
    await deliver('firing', { breaker: name }, 'a2');
    expect(await ask('breakers.get', { name })).toMatchObject({
      state: 'forced_open',
      hold: { kind: 'alert', by: 'alertmanager', reason: 'a1 is down' },
    });
    await deliver('resolved', { breaker: name }, 'a1');
    expect(await state(name)).toBe('forced_open');
    await deliver('resolved', { breaker: name }, 'a2');
    expect(await state(name)).toBe('half_open');
    await vi.waitFor(async () => {
      const { items } = await ask('breakers.events', { name });
      expect(items.at(-1)).toMatchObject({
        to: 'forced_open',
        actor: 'alertmanager',
        detail: 'a1 is down',
      });
    });
  });

  test('hold breakers whose matchers they meet; Grafana’s shape is understood', async () => {
    const name = await fresh({ matchers: { team: 'pay', env: 'live' } });
    await deliver('firing', { team: 'pay', env: 'test' }, 'm1', '1');
    expect(await state(name)).toBe('closed');
    await deliver('firing', { team: 'pay', env: 'live', more: 'x' }, 'm2', '1');
    expect(await state(name)).toBe('forced_open');
    await deliver('resolved', { team: 'pay', env: 'live' }, 'm2', '1');
    expect(await state(name)).toBe('half_open');
  });

  test('change nothing while an operator holds it, and stay overruled until they are over', async () => {
    const name = await fresh();
    await mutate('breakers.force', { name, state: 'closed', reason: 'I look at it' });
    await deliver('firing', { breaker: name }, 'o1');
    expect(await state(name)).toBe('forced_closed');
    await mutate('breakers.force', { name, state: 'auto', reason: 'not needed' });
    await deliver('firing', { breaker: name }, 'o1');
    expect(await state(name)).toBe('closed');
    await deliver('resolved', { breaker: name }, 'o1');
    await deliver('firing', { breaker: name }, 'o1');
    expect(await state(name)).toBe('forced_open');
  });
});

test('outcomes of the past can be tried with another policy', async () => {
  const name = await fresh({ policy: { minimumCalls: 1_000 } });
  for (let second = 0; second < 20; second++) {
    for (let n = 0; n < 4; n++) {
      const { permit: text } = await permit(name);
      await record(name, text, second < 10 ? 'success' : 'failure');
    }
    clock.advance(1_000);
  }
  const input = { name, policy: { openMs: 5_000, minimumCalls: 20 }, timeRange: '5m' };
  let found: Awaited<ReturnType<typeof ask>>;
  await vi.waitFor(
    async () => {
      found = await ask('breakers.backtest', input);
      expect(found).toMatchObject({ calls: 80, failures: 40 });
    },
    { timeout: 15_000, interval: 200 },
  );
  expect(found.current).toMatchObject({ openings: [], rejected: 0 });
  expect(found.proposed.openings.length).toBeGreaterThan(0);
});

describe('the client', () => {
  const client = (name: string, at = url) =>
    createBreakerClient({ url: at, key: keys.operator, name, flushMs: 20, pollMs: 50 });

  test('opens by itself, tells the console, and another program hears of it', async () => {
    const [one, two] = [client('one'), client('two')];
    const name = 'shared by two';
    const policy = { minimumCalls: 5 };
    const [a, b] = [one.guard(name, { policy }), two.guard(name, { policy })];
    expect(await b.run(async () => 'fine')).toBe('fine');
    for (let n = 0; n < 5; n++) {
      await expect(a.run(() => Promise.reject(new Error('down')))).rejects.toThrow('down');
    }
    await expect(a.run(async () => 'not called')).rejects.toBeInstanceOf(BreakerOpenError);
    await vi.waitFor(() => expect(b.run(async () => 1)).rejects.toBeInstanceOf(BreakerOpenError));
    expect(await ask('breakers.get', { name })).toMatchObject({
      state: 'open',
      policy: { minimumCalls: 5 },
    });
    await mutate('breakers.force', { name, state: 'closed', reason: 'try' });
    await vi.waitFor(async () => expect(await a.run(async () => 2)).toBe(2));
    await one.close();
    await two.close();
  });

  test('goes on deciding without the console', async () => {
    const alone = client('alone', 'http://127.0.0.1:9');
    const guard = alone.guard('nobody answers', { policy: { minimumCalls: 3, openMs: 100 } });
    expect(await guard.run(async () => 'fine')).toBe('fine');
    await vi.waitFor(() => expect(alone.status().away).toBe(true));
    for (let n = 0; n < 4; n++) {
      await guard.run(() => Promise.reject(new Error('down'))).catch(() => undefined);
    }
    await expect(guard.run(async () => 1)).rejects.toBeInstanceOf(BreakerOpenError);
    // Trials, each of which succeeds, close it again.
    await vi.waitFor(async () => expect(await guard.run(async () => 2)).toBe(2), {
      timeout: 2_000,
    });
    await alone.close();
  });

  test('counts what takes too long as timed out, and aborts it', async () => {
    const one = client('slow');
    const guard = one.guard('slow service', { policy: { minimumCalls: 2 }, timeoutMs: 20 });
    const aborted: unknown[] = [];
    for (let n = 0; n < 2; n++) {
      const endless = guard.run(
        (signal) =>
          new Promise((_, reject) =>
            signal?.addEventListener('abort', () => {
              aborted.push(signal.reason);
              reject(signal.reason);
            }),
          ),
      );
      await expect(endless).rejects.toThrow('No answer within 20 ms');
    }
    expect(aborted).toHaveLength(2);
    await expect(guard.run(async () => 1)).rejects.toBeInstanceOf(BreakerOpenError);
    await one.close();
  });

  test('refuses a policy that is none', () => {
    const one = client('wrong');
    expect(() => one.guard('x', { policy: { openMs: Number.NaN } })).toThrow(/policy.openMs/);
    return one.close();
  });
});

test('a hundred thousand breakers are paged and found', async () => {
  await db.pool.query(
    `INSERT INTO breakers (id, name, policy, created_at, created_by, updated_at)
     SELECT gen_random_uuid(), 'many ' || lpad(n::text, 6, '0'), '{}', now(), 'test', now()
     FROM generate_series(1, 90000) AS n`,
  );
  const first = await ask('breakers.list', { search: 'many 0', limit: 200 });
  expect(first.items).toHaveLength(200);
  const second = await ask('breakers.list', {
    search: 'many 0',
    limit: 200,
    cursor: first.nextCursor,
  });
  expect(second.items[0].name).toBe('many 000201');
  expect((await ask('breakers.counts', undefined)).total).toBeGreaterThan(90_000);
  await db.pool.query(`DELETE FROM breakers WHERE name LIKE 'many %'`);
});

describe('shared through Redis', async () => {
  const redis = await startRedis();
  afterAll(() => redis.stop());
  const shared = await testHost({ env: { REDIS_URL: redis.url } });

  test('two at once: the history has each with a reason of its own', async () => {
    const { breakers } = shared.runtime;
    const as = (name: string) => ({ ...testAuthority, actor: { ...testAuthority.actor, name } });
    await breakers.upsert(testAuthority, { name: 'n' });
    // Redis answers none of them for a while, so that they meet.
    const client = new Redis(redis.url);
    await client.client('PAUSE', 150);
    client.disconnect();
    await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        n % 2 === 0
          ? breakers.force(as('anna'), { name: 'n', state: 'open', reason: 'by anna' })
          : breakers.reset(as('ben'), { name: 'n', reason: 'by ben' }),
      ),
    );
    await vi.waitFor(async () => {
      const { items: all } = await breakers.events({ name: 'n', limit: 100 });
      const items = all.filter(({ cause }) => cause === 'operator');
      expect(items).toHaveLength(6);
      for (const { to, actor, detail } of items) {
        expect([actor, detail]).toEqual(
          to === 'forced_open' ? ['anna', 'by anna'] : ['ben', 'by ben'],
        );
      }
    });
  });
});
