/** On a real PostgreSQL and over real HTTP to a supervisor; what health would write is written by SQL. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { LIMIT_MS } from './contract.ts';
import { createGameDays } from './service.ts';

const TOKEN = 'a token of the supervisor';
type Service = { alive: boolean; fault: string; accepts: string[] };
const all = ['kill', 'hang', 'latency', 'errors', 'leak', 'body', 'none'];
const fleet = {
  services: new Map<string, Service>(),
  /** What it is asked to change, in order. */
  calls: [] as { service: string; fault: string; latencyMs?: number }[],
  mode: 'up' as 'up' | 'refuses' | 'silent' | 'garbage',
};
const supervisor = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const answer = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  if (fleet.mode === 'silent') return request.socket.destroy();
  if (fleet.mode === 'garbage') return answer(200, '{"services":[{"name":1}]}');
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(401, { error: 'token' });
  if (request.method === 'GET') {
    return answer(200, {
      services: [...fleet.services].map(([name, service]) => ({
        ...service,
        name,
        kind: 'http',
        url: 'http://127.0.0.1:9',
        pid: null,
        restarts: 0,
        dependsOn: [],
      })),
    });
  }
  const change = JSON.parse(text);
  fleet.calls.push(change);
  if (fleet.mode === 'refuses') return answer(409, { error: 'not now' });
  const service = fleet.services.get(change.service);
  if (service) {
    service.fault = change.fault;
    service.alive = change.fault !== 'kill';
  }
  answer(200, {});
});
supervisor.listen(0, '127.0.0.1');
await once(supervisor, 'listening');
afterAll(() => {
  supervisor.closeAllConnections();
  supervisor.close();
});
const address = supervisor.address();
const fleetUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;

const clock = manualClock('2026-03-02T08:00:00Z');
const { runtime, call, keys } = await testHost({
  clock,
  env: { WHEELHOUSE_FLEET_URL: fleetUrl, WHEELHOUSE_FLEET_TOKEN: TOKEN },
});
const { gameDays, db, health } = runtime;

let count = 0;
/** A service of a new name with its target, healthy. */
async function service(options: { target?: boolean } = {}): Promise<{ name: string; id: string }> {
  count += 1;
  const name = `service-${count}`;
  fleet.services.set(name, { alive: true, fault: 'none', accepts: all });
  if (options.target === false) return { name, id: '' };
  const { id } = await health.targets.create(testAuthority, {
    name,
    kind: 'http',
    url: 'http://127.0.0.1:9/health',
  });
  await setState(id, 'healthy');
  return { name, id };
}
const setState = (id: string, state: string) =>
  db.pool.query(
    'UPDATE target_states SET state = $2::health_state, observed = $2::health_state WHERE target_id = $1',
    [id, state],
  );
const moved = (id: string, from: string, to: string, reason = 'because') =>
  db.pool.query(
    `INSERT INTO target_transitions (id, target_id, at, "from", "to", reason)
     VALUES ($1, $2, $3, $4::health_state, $5::health_state, $6)`,
    [newId(clock.now()), id, clock.now(), from, to, reason],
  );
const wentDown = async (id: string, firstFailureAt: Date) => {
  await moved(id, 'healthy', 'down', '3 checks in a row failed: connection refused');
  await db.pool.query(
    `INSERT INTO episodes (id, target_id, symptom, first_failure_at, down_at) VALUES ($1, $2, 'refused', $3, $4)`,
    [newId(clock.now()), id, firstFailureAt, clock.now()],
  );
};
const remedyRan = (id: string) =>
  db.pool.query(
    `INSERT INTO remedy_runs (id, target_id, series_id, attempt, kind, trigger, status, requested_by, created_at, started_at)
     VALUES ($1, $2, $1, 1, 'webhook', 'automatic', 'verified', 'test', $3, $3)`,
    [newId(clock.now()), id, clock.now()],
  );
const dayOf = async (id: string) => {
  const found = (await gameDays.list({ limit: 200 })).items.find((item) => item.id === id);
  if (!found) throw new Error('no such game day');
  return found;
};
const run = (name: string, fault: 'kill' | 'latency' | 'errors' = 'kill') =>
  gameDays.run(testAuthority, { service: name, fault });
const pass = (seconds: number) => clock.advance(seconds * 1_000);
const auditOf = async (id: string) => {
  const rows = await db.prisma.auditEntry.findMany({
    where: { targetId: id, action: { startsWith: 'gamedays.' } },
    orderBy: { seq: 'asc' },
    select: { action: true, actorName: true, after: true },
  });
  return rows;
};
beforeEach(async () => {
  fleet.mode = 'up';
  fleet.calls.length = 0;
  await db.prisma.gameDay.updateMany({
    where: { status: 'running' },
    data: { status: 'cancelled' },
  });
});

describe('a fault that is seen and healed', () => {
  test('is timed from its start, and ends once the fault is gone', async () => {
    const { name, id: targetId } = await service();
    const { id } = await run(name);
    expect(fleet.calls).toEqual([{ service: name, fault: 'kill' }]);
    pass(4);
    const firstFailureAt = clock.now();
    await db.pool.query('UPDATE target_states SET first_failure_at = $2 WHERE target_id = $1', [
      targetId,
      firstFailureAt,
    ]);
    await gameDays.tick();
    expect(await dayOf(id)).toMatchObject({ status: 'running', timeToFirstFailureMs: 4_000 });
    pass(7);
    await wentDown(targetId, firstFailureAt);
    pass(1);
    await remedyRan(targetId);
    await gameDays.tick();
    expect(await dayOf(id)).toMatchObject({
      status: 'running',
      timeToDetectMs: 11_000,
      timeToRemedyMs: 12_000,
      timeToRecoverMs: null,
    });
    pass(2);
    await moved(targetId, 'down', 'healthy');
    await gameDays.tick();
    expect((await dayOf(id)).status).toBe('running');
    fleet.services.set(name, { alive: true, fault: 'none', accepts: all });
    expect(await gameDays.tick()).toBe(1);
    expect(await dayOf(id)).toMatchObject({
      service: name,
      fault: 'kill',
      targetId,
      targetName: name,
      status: 'recovered',
      startedBy: 'test',
      timeToFirstFailureMs: 4_000,
      timeToDetectMs: 11_000,
      timeToRemedyMs: 12_000,
      timeToRecoverMs: 14_000,
      detail: 'Seen: 3 checks in a row failed: connection refused.',
    });
    // Nothing had to be put right.
    expect(fleet.calls).toHaveLength(1);
    expect(await gameDays.tick()).toBe(0);
    expect(await auditOf(targetId)).toMatchObject([
      { action: 'gamedays.run', actorName: 'test', after: { fault: 'kill', gameDayId: id } },
      { action: 'gamedays.end', actorName: 'game days', after: { status: 'recovered' } },
    ]);
  });

  test('what happened to the target before does not count', async () => {
    const { name, id: targetId } = await service();
    await wentDown(targetId, clock.now());
    await remedyRan(targetId);
    pass(1);
    await moved(targetId, 'down', 'healthy');
    pass(1);
    const { id } = await run(name);
    await gameDays.tick();
    expect(await dayOf(id)).toMatchObject({
      status: 'running',
      timeToFirstFailureMs: null,
      timeToDetectMs: null,
      timeToRemedyMs: null,
      timeToRecoverMs: null,
    });
  });

  test('is ended once, however many replicas look', async () => {
    const { name, id: targetId } = await service();
    await run(name);
    pass(10);
    await wentDown(targetId, clock.now());
    pass(10);
    await moved(targetId, 'down', 'healthy');
    fleet.services.set(name, { alive: true, fault: 'none', accepts: all });
    const ended = await Promise.all([1, 2, 3, 4].map(() => gameDays.tick()));
    expect(ended.reduce((sum, each) => sum + each, 0)).toBe(1);
    expect((await auditOf(targetId)).map(({ action }) => action)).toEqual([
      'gamedays.run',
      'gamedays.end',
    ]);
  });

  test('tells pages that something changed', async () => {
    const events: string[] = [];
    const stop = runtime.bus.on('gamedays', ({ type }) => events.push(type));
    const { name, id: targetId } = await service();
    await run(name);
    pass(10);
    await wentDown(targetId, clock.now());
    await gameDays.tick();
    await gameDays.tick();
    pass(5);
    await moved(targetId, 'down', 'healthy');
    fleet.services.set(name, { alive: true, fault: 'none', accepts: all });
    await gameDays.tick();
    stop();
    expect(events).toEqual(['changed', 'changed', 'ended']);
  });
});

describe('after five minutes', () => {
  test('what nobody saw is not_detected, and the fault is taken out', async () => {
    const { name } = await service();
    const { id } = await run(name, 'latency');
    expect(fleet.calls).toEqual([{ service: name, fault: 'latency', latencyMs: 3_000 }]);
    pass(LIMIT_MS / 1_000 - 1);
    expect(await gameDays.tick()).toBe(0);
    pass(1);
    expect(await gameDays.tick()).toBe(1);
    expect(await dayOf(id)).toMatchObject({
      status: 'not_detected',
      detail: 'Answers came 3000 ms late. No check failed within 5 minutes.',
    });
    expect(fleet.calls.at(-1)).toEqual({ service: name, fault: 'none' });
  });

  test('what was seen and stays down is not_recovered, and the service is started', async () => {
    const { name, id: targetId } = await service();
    const { id } = await run(name);
    pass(10);
    await wentDown(targetId, clock.now());
    pass(LIMIT_MS / 1_000);
    await gameDays.tick();
    const day = await dayOf(id);
    expect(day).toMatchObject({ status: 'not_recovered', timeToDetectMs: 10_000 });
    expect(day.detail).toMatch(/connection refused.* Not back within 5 minutes\. No remedy ran\.$/);
    expect(fleet.services.get(name)).toMatchObject({ alive: true, fault: 'none' });
  });

  test('a fleet that does not answer gets another minute, then the run ends and says so', async () => {
    const { name } = await service();
    const { id } = await run(name);
    fleet.mode = 'silent';
    pass(LIMIT_MS / 1_000 + 59);
    expect(await gameDays.tick()).toBe(0);
    pass(1);
    expect(await gameDays.tick()).toBe(1);
    const day = await dayOf(id);
    expect(day.status).toBe('not_detected');
    expect(day.detail).toContain('The fault is still in: the fleet did not answer.');
  });
});

describe('a run is refused', () => {
  const refusal = (input: unknown) =>
    call('/api/trpc/gamedays.run', json(keys.operator, input)).then(async (answer) => {
      const { error } = await answer.json();
      return [answer.status, error?.message, error?.data.fields?.[0]?.path];
    });
  test('for a service that nobody knows', async () => {
    const { name } = await service();
    expect(await refusal({ service: 'nobody', fault: 'kill' })).toEqual([
      400,
      expect.stringContaining(name),
      'service',
    ]);
  });
  test('for a fault that the service or nobody knows', async () => {
    const { name } = await service();
    fleet.services.set(name, { alive: true, fault: 'none', accepts: ['kill', 'none'] });
    expect(await refusal({ service: name, fault: 'leak' })).toEqual([
      400,
      `fault: ${name} does not know leak; accepted: kill.`,
      'fault',
    ]);
    expect((await refusal({ service: name, fault: 'fire' }))[2]).toBe('fault');
    expect((await refusal({ service: name, fault: 'kill', latencyMs: 5 }))[2]).toBe('latencyMs');
    expect((await refusal({ service: name, fault: 'none' }))[0]).toBe(400);
  });
  test('without a target of the name', async () => {
    const { name } = await service({ target: false });
    expect(await refusal({ service: name, fault: 'kill' })).toEqual([
      409,
      expect.stringContaining(`No target is named ${name}`),
      undefined,
    ]);
  });
  test('when the service is faulty, dead, or its target down', async () => {
    const faulty = await service();
    fleet.services.set(faulty.name, { alive: true, fault: 'hang', accepts: all });
    const dead = await service();
    fleet.services.set(dead.name, { alive: false, fault: 'none', accepts: all });
    const down = await service();
    await setState(down.id, 'down');
    for (const [{ name }, why] of [
      [faulty, 'has the fault hang already'],
      [dead, 'is dead already'],
      [down, 'is down already'],
    ] as const) {
      const [status, message] = await refusal({ service: name, fault: 'kill' });
      expect([status, message]).toEqual([409, expect.stringContaining(`${name} ${why}`)]);
    }
    expect(fleet.calls).toEqual([]);
    expect(await db.prisma.gameDay.count({ where: { status: 'running' } })).toBe(0);
  });
  test('while one runs, also when two ask at once', async () => {
    const { name, id } = await service();
    const results = await Promise.allSettled([run(name), run(name), run(name)]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(fleet.calls).toHaveLength(1);
    fleet.services.set(name, { alive: true, fault: 'none', accepts: all });
    await expect(run(name)).rejects.toThrow(`A game day of ${name} runs already.`);
    expect(await auditOf(id)).toHaveLength(1);
  });
  test('and does not stay behind when the fleet refuses', async () => {
    const { name, id } = await service();
    fleet.mode = 'refuses';
    await expect(run(name)).rejects.toThrow('The demo fleet refused: not now.');
    const { items } = await gameDays.list({ limit: 200 });
    expect(items.find((item) => item.service === name)).toMatchObject({
      status: 'cancelled',
      detail: 'The fault could not be put in.',
    });
    // It may have arrived all the same.
    expect(fleet.calls.map(({ fault }) => fault)).toEqual(['kill', 'none']);
    expect((await auditOf(id)).map(({ action }) => action)).toEqual([
      'gamedays.run',
      'gamedays.cancel',
    ]);
  });
  test('by a viewer', async () => {
    const { name } = await service();
    for (const [procedure, input] of [
      ['run', { service: name, fault: 'kill' }],
      ['cancel', { id: newId(clock.now()) }],
    ] as const) {
      const answer = await call(`/api/trpc/gamedays.${procedure}`, json(keys.viewer, input));
      expect(answer.status).toBe(403);
    }
    expect(fleet.calls).toEqual([]);
  });
});

describe('cancelling', () => {
  test('ends the run and takes the fault out', async () => {
    const { name, id: targetId } = await service();
    const { id } = await run(name, 'errors');
    pass(3);
    const answer = await call('/api/trpc/gamedays.cancel', json(keys.operator, { id }));
    expect((await answer.json()).result.data).toEqual({ restored: true });
    expect(await dayOf(id)).toMatchObject({
      status: 'cancelled',
      detail: 'Cancelled by operator.',
      endedAt: clock.now().toISOString(),
    });
    expect(fleet.services.get(name)?.fault).toBe('none');
    expect((await auditOf(targetId)).map(({ action }) => action)).toEqual([
      'gamedays.run',
      'gamedays.cancel',
    ]);
    await expect(gameDays.cancel(testAuthority, id)).rejects.toThrow('This game day is over.');
  });
  test('works without the fleet, and says that the fault is still in', async () => {
    const { name } = await service();
    const { id } = await run(name);
    fleet.mode = 'silent';
    expect(await gameDays.cancel(testAuthority, id)).toEqual({ restored: false });
    expect((await dayOf(id)).status).toBe('cancelled');
  });
  test('knows no other ids', async () => {
    await expect(gameDays.cancel(testAuthority, newId(clock.now()))).rejects.toThrow(
      'There is no such game day.',
    );
  });
});

describe('what a viewer sees', () => {
  const services = async () => {
    const answer = await call('/api/trpc/gamedays.services', { headers: bearer(keys.viewer) });
    const text = await answer.text();
    expect(text).not.toContain(TOKEN);
    return JSON.parse(text).result.data;
  };
  test('the fleet with targets and running game days', async () => {
    const whole = await service();
    const broken = await service();
    const unwatched = await service({ target: false });
    const { id } = await run(broken.name);
    const view = await services();
    expect(view.state).toBe('connected');
    const of = (name: string) => view.services.find((each: { name: string }) => each.name === name);
    expect(of(whole.name)).toMatchObject({
      alive: true,
      fault: 'none',
      accepts: all.filter((fault) => fault !== 'none'),
      target: { id: whole.id, state: 'healthy' },
      gameDayId: null,
    });
    expect(of(broken.name)).toMatchObject({ alive: false, fault: 'kill', gameDayId: id });
    expect(of(unwatched.name).target).toBe(null);
  });
  test.each(['silent', 'garbage', 'refuses'] as const)('a fleet that is %s', async (mode) => {
    fleet.mode = mode;
    const view = await services();
    if (mode === 'refuses') expect(view.state).toBe('connected');
    else
      expect(view).toEqual({
        state: 'unreachable',
        detail: expect.stringContaining('The demo fleet'),
      });
  });
  test('no fleet, and how to start one', async () => {
    const alone = createGameDays({ ...runtime, fleet: null });
    expect(await alone.services()).toEqual({ state: 'none', command: 'npm run demo' });
    await expect(alone.run(testAuthority, { service: 'x', fault: 'kill' })).rejects.toThrow(
      'No demo fleet is connected. Start one with npm run demo.',
    );
  });
  test('a run that an earlier console left is ended without a fleet', async () => {
    const { name } = await service();
    const { id } = await run(name);
    const alone = createGameDays({ ...runtime, fleet: null });
    pass(LIMIT_MS / 1_000 + 60);
    expect(await alone.tick()).toBe(1);
    expect((await dayOf(id)).status).toBe('not_detected');
  });
  test('pages, newest first', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      pass(1);
      ids.unshift((await run((await service()).name)).id);
    }
    const read: string[] = [];
    let cursor: string | null = null;
    do {
      const query = encodeURIComponent(JSON.stringify({ limit: 2, cursor }));
      const answer: Response = await call(`/api/trpc/gamedays.list?input=${query}`, {
        headers: bearer(keys.viewer),
      });
      const { data } = (await answer.json()).result;
      read.push(...data.items.map((item: { id: string }) => item.id));
      cursor = data.nextCursor;
    } while (cursor !== null);
    expect(read.slice(0, 5)).toEqual(ids);
    expect(new Set(read).size).toBe(read.length);
  });
});
