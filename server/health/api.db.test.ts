/** The module as scripts see it: over HTTP with keys, and what is kept of a long time. */
import { describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';

const clock = manualClock('2026-03-02T08:00:30Z');
const { call, keys, runtime } = await testHost({ clock });
const { health, db } = runtime;

const ask = async (procedure: string, input: unknown = {}, key = keys.viewer) => {
  const query = `?input=${encodeURIComponent(JSON.stringify(input))}`;
  const answer = await call(`/api/trpc/${procedure}${query}`, { headers: bearer(key) });
  return { status: answer.status, body: await answer.json() };
};
const tell = async (procedure: string, input: unknown, key = keys.operator) => {
  const answer = await call(`/api/trpc/${procedure}`, json(key, input));
  return { status: answer.status, body: await answer.json() };
};
const create = async (input: object): Promise<{ id: string; heartbeatUrl?: string }> =>
  (await tell('health.targets.create', input)).body.result.data;
const pass = async (seconds: number) => {
  for (let i = 0; i < seconds; i++) {
    clock.advance(1_000);
    await health.engine.step();
  }
};
const stateOf = async (id: string) =>
  (await ask('health.targets.get', { id })).body.result.data.state;

describe('heartbeats', () => {
  test('a job that calls in is healthy, one that stops is down, and back after two calls', async () => {
    const { id, heartbeatUrl = '' } = await create({
      name: 'nightly',
      kind: 'heartbeat',
      intervalSeconds: 10,
      timeoutMs: 2_000,
    });
    expect(heartbeatUrl).toMatch(/^\/api\/heartbeat\/[\w-]{43}$/);
    await pass(5);
    expect(await stateOf(id)).toBe('unknown');
    const beat = (path = heartbeatUrl, init?: RequestInit) => call(path, init);
    expect(await (await beat(heartbeatUrl, { method: 'POST' })).json()).toEqual({ ok: true });
    await pass(11);
    expect(await stateOf(id)).toBe('healthy');
    await pass(25);
    expect(await stateOf(id)).toBe('down');
    for (let i = 0; i < 3; i++) {
      expect((await beat()).status).toBe(200);
      await pass(5);
    }
    expect(await stateOf(id)).toBe('healthy');
    expect((await beat(`${heartbeatUrl}/fail`, { method: 'POST', body: 'exit 1' })).status).toBe(
      200,
    );
    await pass(20);
    expect((await ask('health.targets.get', { id })).body.result.data).toMatchObject({
      state: 'down',
      detail: expect.stringContaining('heartbeat'),
    });
    const renewed = await tell('health.targets.renewHeartbeat', { id });
    expect((await beat()).status).toBe(404);
    expect((await beat(renewed.body.result.data.heartbeatUrl)).status).toBe(200);
    expect((await beat('/api/heartbeat/short')).status).toBe(404);
    const large = await beat(renewed.body.result.data.heartbeatUrl, {
      method: 'POST',
      body: 'x'.repeat(20_000),
    });
    expect(large.status).toBe(413);
  });

  test('500 at once are all taken in', async () => {
    const { id, heartbeatUrl = '' } = await create({ name: 'swarm', kind: 'heartbeat' });
    const answers = await Promise.all(
      Array.from({ length: 500 }, () => call(heartbeatUrl, { method: 'POST' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await Promise.all(answers.map((answer) => answer.text()));
    const detail = (await ask('health.targets.get', { id })).body.result.data;
    expect(detail.lastBeatAt).toBe(clock.now().toISOString());
  });
});

describe('what is shown', () => {
  test('no secret comes out again: not in lists, details, the audit log', async () => {
    const { id } = await create({
      name: 'sealed',
      kind: 'postgres',
      url: 'postgresql://ops:hunter2@127.0.0.1:1/shop?sslpassword=hunter3',
      paused: true,
      remedy: { kind: 'webhook', url: 'http://127.0.0.1:1/', secret: 'hunter4hunter4' },
    });
    await tell('health.targets.update', { id, name: 'sealed too', intervalSeconds: 60 });
    const seen = JSON.stringify([
      await ask('health.targets.list', { search: 'sealed' }),
      await ask('health.targets.get', { id }),
      await ask('health.report'),
      await ask('audit.list', { limit: 200 }, keys.admin),
    ]);
    expect(seen).toContain('postgresql://ops@127.0.0.1:1/shop');
    expect(seen).not.toMatch(/hunter/);
    const row = await db.prisma.target.findUniqueOrThrow({ where: { id } });
    expect(JSON.stringify(row)).not.toMatch(/hunter/);
    expect((await ask('health.targets.get', { id })).body.result.data.remedy).toEqual({
      kind: 'webhook',
      url: 'http://127.0.0.1:1/',
      signed: true,
    });
  });

  test('lists page by any order without losing or repeating a row', async () => {
    for (let i = 0; i < 30; i++) {
      await create({ name: `page ${i % 3}`, kind: 'tcp', url: 'tcp://127.0.0.1:1', paused: true });
    }
    for (const sort of ['name', 'state', 'latency', 'checked']) {
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page: { items: { id: string }[]; nextCursor: string | null } = (
          await ask('health.targets.list', { search: 'page', sort, limit: 7, cursor })
        ).body.result.data;
        ids.push(...page.items.map((item) => item.id));
        cursor = page.nextCursor;
      } while (cursor);
      expect([sort, ids.length, new Set(ids).size]).toEqual([sort, 30, 30]);
    }
    const wrong = await ask('health.targets.list', { cursor: 'nonsense' });
    expect([wrong.status, wrong.body.error.data.fields[0].path]).toEqual([400, 'cursor']);
    expect(
      (await ask('health.targets.list', { search: "%' OR 1=1 --" })).body.result.data.items,
    ).toEqual([]);
  });

  test('bulk: pause, resume, remove, with one audit entry each', async () => {
    const { items } = (await ask('health.targets.list', { search: 'page', limit: 200 })).body.result
      .data;
    const ids = items.map((item: { id: string }) => item.id);
    expect((await tell('health.targets.pause', { ids, paused: false })).body.result.data).toEqual({
      changed: 30,
    });
    expect((await tell('health.targets.pause', { ids, paused: false })).body.result.data).toEqual({
      changed: 0,
    });
    expect((await tell('health.targets.removeMany', { ids })).body.result.data).toEqual({
      removed: 30,
    });
    expect((await tell('health.targets.removeMany', { ids })).status).toBe(404);
    const log = (await ask('audit.list', { limit: 2 }, keys.admin)).body.result.data.items;
    expect(log.map((entry: { action: string }) => entry.action)).toEqual([
      'health.target.remove',
      'health.target.resume',
    ]);
  });

  test('maintenance: a wrong window is refused by its field', async () => {
    const fault = async (input: object) =>
      (await tell('health.maintenance.create', { targetIds: [], ...input })).body.error?.data
        .fields?.[0];
    const now = clock.now().getTime();
    const at = (ms: number) => new Date(now + ms).toISOString();
    expect(await fault({})).toMatchObject({ path: 'startsAt' });
    expect(await fault({ startsAt: at(2), endsAt: at(1) })).toMatchObject({ path: 'endsAt' });
    expect(await fault({ startsAt: at(-9_000), endsAt: at(-1_000) })).toMatchObject({
      path: 'endsAt',
      message: 'Lies in the past',
    });
    expect(await fault({ cron: '0 3 * * 0' })).toMatchObject({ path: 'durationMinutes' });
    expect(await fault({ cron: 'often', durationMinutes: 5 })).toMatchObject({ path: 'cron' });
    expect(
      await fault({ cron: '0 3 * * 0', durationMinutes: 5, timeZone: 'Mars/Olympus' }),
    ).toMatchObject({ path: 'timeZone' });
    expect(
      await fault({ targetIds: [newId(clock.now())], startsAt: at(0), endsAt: at(1_000) }),
    ).toMatchObject({ path: 'targetIds' });
    const { body } = await tell('health.maintenance.create', {
      targetIds: [],
      cron: '0 3 * * 0',
      durationMinutes: 60,
    });
    expect((await ask('health.maintenance.list')).body.result.data.items[0]).toMatchObject({
      id: body.result.data.id,
      all: true,
      status: 'planned',
      nextAt: '2026-03-08T03:00:00.000Z',
    });
    await tell('health.maintenance.cancel', { id: body.result.data.id });
  });

  test('the report says what to do', async () => {
    const { id } = await create({
      name: 'closed port',
      kind: 'tcp',
      url: 'tcp://127.0.0.1:1',
      intervalSeconds: 5,
    });
    await pass(12);
    const report = (await ask('health.report')).body.result.data;
    expect(report.status).toBe('failed');
    const own = report.components.find(
      (each: { name: string }) => each.name === 'Wheelhouse: PostgreSQL',
    );
    expect(own).toMatchObject({ status: 'healthy', recommendation: null });
    expect(
      report.components.find((each: { targetId: string }) => each.targetId === id),
    ).toMatchObject({
      status: 'failed',
      errorRate: 1,
      recommendation: expect.stringContaining('start it'),
    });
    await tell('health.targets.remove', { id });
  });
});

describe('what is kept', () => {
  test('checks become sums by minute and hour, and old partitions go whole', async () => {
    const { id } = await create({
      name: 'long lived',
      kind: 'tcp',
      url: 'tcp://127.0.0.1:1',
      paused: true,
    });
    const { ref } = await db.prisma.target.findUniqueOrThrow({
      where: { id },
      select: { ref: true },
    });
    const start = Date.parse('2026-03-02T05:00:00Z');
    const rows = Array.from({ length: 3 * 120 }, (_, i) => ({ at: start + i * 30_000 }));
    await health.history.ensurePartitions([...rows, { at: start - 9 * 86_400_000 }]);
    await db.pool.query(
      `INSERT INTO health_checks SELECT $1, to_timestamp(at / 1000.0), 10 + i % 2, i % 10 <> 0, i = 1, NULL
       FROM unnest($2::float8[]) WITH ORDINALITY AS t(at, i)`,
      [ref, rows.map(({ at }) => at)],
    );
    await db.pool.query('DELETE FROM health_rolled');
    const signal = new AbortController().signal;
    expect(await health.history.rollUp(clock.now(), signal)).toBe(3);
    expect(await health.history.rollUp(clock.now(), signal)).toBe(0);
    const { rows: hours } = await db.pool.query(
      'SELECT checks, failures, latency_max FROM health_hours WHERE ref = $1 ORDER BY hour',
      [ref],
    );
    expect(hours).toEqual([
      { checks: 119, failures: 12, latency_max: 11 },
      { checks: 120, failures: 12, latency_max: 11 },
      { checks: 120, failures: 12, latency_max: 11 },
    ]);
    const read = (from: string) => health.history.read({ id, from, to: '2026-03-02T08:00:00Z' });
    const minutes = await read('2026-03-02T05:00:00Z');
    expect([minutes.resolution, minutes.points.length]).toEqual(['minute', 180]);
    expect(minutes.points.reduce((sum, { checks }) => sum + checks, 0)).toBe(359);
    const days = await read('2026-02-20T00:00:00Z');
    expect([days.resolution, days.points.length]).toEqual(['hour', 3]);
    const raw = await read('2026-03-02T07:00:00Z');
    expect([raw.resolution, raw.points.length]).toEqual(['check', 120]);
    const page = await health.history.checks({ id, limit: 50 });
    const next = await health.history.checks({ id, limit: 200, cursor: page.nextCursor });
    expect(next.items).toHaveLength(200);
    expect(Date.parse(next.items[0]?.at ?? '')).toBeLessThan(
      Date.parse(page.items.at(-1)?.at ?? ''),
    );
    const gone = await health.history.prune(clock.now());
    expect(gone).toEqual(['health_checks_20260221']);
  });

  test('a remedy that does not help is demoted, and can be reinstated', async () => {
    const { id } = await create({
      name: 'hopeless',
      kind: 'tcp',
      url: 'tcp://127.0.0.1:1',
      paused: true,
      remedy: { kind: 'webhook', url: 'http://127.0.0.1:1/' },
    });
    for (let i = 0; i < 5; i++) {
      await health.healing.review({ id, name: 'hopeless' }, 'refused');
      expect((await db.prisma.target.findUnique({ where: { id } }))?.demotedAt).toBe(null);
      await db.prisma.remedyRun.create({
        data: {
          id: newId(clock.now()),
          targetId: id,
          seriesId: newId(clock.now()),
          attempt: 1,
          kind: 'webhook',
          trigger: 'automatic',
          status: 'failed',
          symptom: 'refused',
          requestedBy: 'healing',
          createdAt: clock.now(),
          startedAt: clock.now(),
          helped: false,
        },
      });
    }
    await health.healing.review({ id, name: 'hopeless' }, 'refused');
    const detail = (await ask('health.targets.get', { id })).body.result.data;
    expect(detail.demotedReason).toContain('0/5');
    expect((await ask('health.targets.healing', { id })).body.result.data.effectiveMode).toBe(
      'approval',
    );
    expect((await tell('health.targets.reinstate', { id })).status).toBe(200);
    expect((await tell('health.targets.reinstate', { id })).status).toBe(409);
  });

  test('a run whose process was killed is ended, and says so', async () => {
    const { id } = await create({
      name: 'cut off',
      kind: 'tcp',
      url: 'tcp://127.0.0.1:1',
      paused: true,
      remedy: { kind: 'webhook', url: 'http://127.0.0.1:1/' },
    });
    await db.prisma.remedyRun.create({
      data: {
        id: newId(clock.now()),
        targetId: id,
        seriesId: newId(clock.now()),
        attempt: 1,
        kind: 'webhook',
        trigger: 'automatic',
        status: 'running',
        requestedBy: 'healing',
        createdAt: clock.now(),
        startedAt: clock.now(),
        leaseUntil: new Date(clock.now().getTime() + 45_000),
      },
    });
    await expect(health.healing.runNow(testAuthority, id)).rejects.toThrow(/runs already/);
    clock.advance(46_000);
    await health.healing.endLost();
    const [run] = (await ask('health.remedies.list', { targetId: id })).body.result.data.items;
    expect(run).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('it may have done its work'),
    });
  });
});
