/** The loop on a real PostgreSQL, with real services and a real webhook, and a clock that the test moves. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testDatabase, testRuntime } from '../platform/testing/index.ts';
import { startRedis } from '../platform/testing/redis.ts';
import { signWebhook } from '../platform/webhook-signature.ts';
import type { Runtime } from '../runtime.ts';

type Service = {
  url: string;
  mode: 'up' | 'errors' | 'hang';
  calls: { headers: IncomingMessage['headers']; body: string }[];
  /** What a call of the webhook does. */
  onCall: (() => void) | null;
  answer: number;
};
async function service(): Promise<Service> {
  const state: Service = { url: '', mode: 'up', calls: [], onCall: null, answer: 200 };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'POST') {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        state.calls.push({ headers: request.headers, body });
        if (state.answer === 0) return;
        state.onCall?.();
        response.writeHead(state.answer).end('done');
      });
      return;
    }
    if (state.mode === 'hang') return;
    response.writeHead(state.mode === 'up' ? 200 : 500).end('{"status":"ok"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  state.url = `http://127.0.0.1:${address.port}`;
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return state;
}

const redis = await startRedis();
afterAll(() => redis.stop());
const databaseUrls = await Promise.all([testDatabase(), testDatabase(), testDatabase()]);

const setups: {
  name: string;
  env: Record<string, string>;
  replicas: number;
  databaseUrl: string;
}[] = [
  { name: 'one replica without Redis', env: {}, replicas: 1, databaseUrl: databaseUrls[0] ?? '' },
  {
    name: 'one replica with Redis',
    env: { REDIS_URL: redis.url },
    replicas: 1,
    databaseUrl: databaseUrls[1] ?? '',
  },
  {
    name: 'two replicas with Redis',
    env: { REDIS_URL: redis.url },
    replicas: 2,
    databaseUrl: databaseUrls[2] ?? '',
  },
];

describe.each(setups)('$name', async ({ env, replicas, databaseUrl }) => {
  const clock = manualClock('2026-03-02T08:00:00Z');
  const runtime = await testRuntime({ clock, env, databaseUrl });
  const others: Runtime[] = [];
  for (let i = 1; i < replicas; i++) others.push(await testRuntime({ clock, env, databaseUrl }));
  const { health, incidents, db } = runtime;
  const { targets, views, healing } = health;
  const step = () => Promise.all([runtime, ...others].map((each) => each.health.engine.step()));

  /** Lets `seconds` pass, one at a time. */
  async function pass(seconds: number, until?: () => Promise<boolean> | boolean): Promise<number> {
    for (let second = 1; second <= seconds; second++) {
      clock.advance(1_000);
      await step();
      if (await until?.()) return second;
    }
    return seconds;
  }
  const stateOf = async (id: string) => (await views.get(id)).state;
  const runsOf = async (id: string) =>
    (await views.runs({ limit: 50, targetId: id })).items.reverse();
  const incidentsOf = async (id: string) =>
    (await incidents.list({ limit: 50, targetId: id })).items;
  /** A remedy is over when the run is no longer `running`. */
  const remediesDone = () =>
    vi.waitFor(
      async () => expect(await db.prisma.remedyRun.count({ where: { status: 'running' } })).toBe(0),
      { timeout: 5_000, interval: 10 },
    );
  let api: Service;
  let hook: Service;
  beforeAll(async () => {
    api = await service();
    hook = await service();
  });

  describe('a service that breaks and is restarted by its webhook', () => {
    test('is seen, healed, verified, and its incident resolved', async () => {
      const secret = 'a shared secret';
      const { id } = await targets.create(testAuthority, {
        name: 'api',
        kind: 'http',
        url: api.url,
        intervalSeconds: 5,
        remedy: { kind: 'webhook', url: hook.url, secret },
      });
      hook.onCall = () => {
        api.mode = 'up';
      };
      await pass(6);
      expect(await stateOf(id)).toBe('healthy');
      api.mode = 'errors';
      const begun = clock.now().getTime();
      await pass(20, async () => (await stateOf(id)) === 'down');
      const detectedMs = clock.now().getTime() - begun;
      expect(detectedMs).toBeLessThanOrEqual(16_000);
      await pass(3, () => hook.calls.length > 0);
      await remediesDone();
      await pass(15, async () => (await stateOf(id)) === 'healthy');
      expect(await stateOf(id)).toBe('healthy');
      expect(clock.now().getTime() - begun).toBeLessThan(30_000);
      await pass(2);

      expect(hook.calls).toHaveLength(1);
      const { headers, body } = hook.calls[0] ?? { headers: {}, body: '' };
      const [run] = await runsOf(id);
      expect(run).toMatchObject({
        status: 'verified',
        attempt: 1,
        trigger: 'automatic',
        helped: true,
      });
      expect(headers['webhook-id']).toBe(run?.id);
      expect(headers['idempotency-key']).toBe(run?.id);
      expect(headers['webhook-signature']).toBe(
        signWebhook(secret, run?.id ?? '', Number(headers['webhook-timestamp']), body),
      );
      const [incident, ...others] = await incidentsOf(id);
      expect(others).toEqual([]);
      expect(incident?.status).toBe('resolved');
      expect(incident?.timeline.map(({ kind }) => kind)).toEqual([
        'opened',
        'remedy',
        'remedy',
        'remedy',
        'state',
        'recovered',
        'resolved',
      ]);
      expect(run?.recoveredAfterMs).toBeLessThan(10_000);
      const outcome = (await views.healing(id)).outcomes[0];
      expect(outcome).toMatchObject({ symptom: 'status', treated: { successes: 1, trials: 1 } });
      await targets.remove(testAuthority, [id]);
    });
  });

  describe('a service that stays broken', () => {
    test('gets exactly 3 attempts at 10, 30 and 90 s, then one escalation', async () => {
      const broken = await service();
      const remedy = await service();
      broken.mode = 'errors';
      const { id } = await targets.create(testAuthority, {
        name: 'broken',
        kind: 'http',
        url: broken.url,
        intervalSeconds: 5,
        remedy: { kind: 'webhook', url: remedy.url },
      });
      const at: number[] = [];
      for (let second = 0; second < 420; second++) {
        clock.advance(1_000);
        await step();
        if (remedy.calls.length > at.length) at.push(clock.now().getTime());
        if (remedy.calls.length > 0) await remediesDone();
      }
      const row = await db.prisma.episode.findFirstOrThrow({ where: { targetId: id } });
      const first = row.firstFailureAt.getTime();
      const gaps = at.map((time, i) => (time - (at[i - 1] ?? first)) / 1000);
      expect(gaps).toHaveLength(3);
      [10, 30, 90].forEach((backoff, i) => {
        expect(gaps[i]).toBeGreaterThanOrEqual(backoff);
        expect(gaps[i]).toBeLessThanOrEqual(backoff * 1.1 + 2);
      });
      const runs = await runsOf(id);
      expect(runs.map(({ status, helped }) => [status, helped])).toEqual([
        ['failed', false],
        ['failed', false],
        ['failed', false],
      ]);
      const [incident] = await incidentsOf(id);
      expect(incident).toMatchObject({ status: 'open', escalated: true, severity: 'critical' });
      expect(incident?.timeline.filter(({ kind }) => kind === 'escalated')).toHaveLength(1);
      await targets.remove(testAuthority, [id]);
      expect((await incidentsOf(id))[0]?.status).toBe('resolved');
    });
  });

  test('ten minutes after the last recovery attempts begin anew, also when it was degraded just before', async () => {
    const shaky = await service();
    const remedy = await service();
    remedy.onCall = () => {
      shaky.mode = 'up';
    };
    const { id } = await targets.create(testAuthority, {
      name: 'shaky',
      kind: 'http',
      url: shaky.url,
      intervalSeconds: 5,
      remedy: { kind: 'webhook', url: remedy.url },
    });
    const breakAndHeal = async () => {
      shaky.mode = 'errors';
      const calls = remedy.calls.length;
      await pass(60, () => remedy.calls.length > calls);
      await remediesDone();
      await pass(10);
      expect(await stateOf(id)).toBe('healthy');
    };
    await pass(6);
    await breakAndHeal();
    // Within ten minutes it goes on with the second attempt.
    await pass(30);
    await breakAndHeal();
    await pass(620);
    // One check in four fails, well above a tenth of the last five minutes, and never three in a row.
    for (let i = 0; i < 60 && (await stateOf(id)) !== 'degraded'; i++) {
      shaky.mode = i % 4 === 0 ? 'errors' : 'up';
      await pass(5);
    }
    expect(await stateOf(id)).toBe('degraded');
    await breakAndHeal().catch(() => undefined);
    expect((await runsOf(id)).map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
    await targets.remove(testAuthority, [id]);
  });

  describe('a parent that is down', () => {
    test('alerts once; its children say why they do not', async () => {
      const [database, shop, search] = [await service(), await service(), await service()];
      const make = async (name: string, of: Service, dependsOn: string[] = []) =>
        (
          await targets.create(testAuthority, {
            name,
            kind: 'http',
            url: of.url,
            intervalSeconds: 30,
            dependsOn,
          })
        ).id;
      const parent = await make('database', database);
      const children = [await make('shop', shop, [parent]), await make('search', search, [parent])];
      await pass(35);
      // The parent first: checks of the three come in any order, and only a parent that is down holds back.
      database.mode = 'errors';
      await pass(45);
      for (const each of [shop, search]) each.mode = 'errors';
      await pass(60);
      for (const id of children) {
        expect(await views.get(id)).toMatchObject({
          state: 'down',
          suppressedBy: parent,
          suppressedByName: 'database',
          suppressionReason: expect.stringContaining('database'),
        });
        expect(await incidentsOf(id)).toEqual([]);
      }
      const [incident, ...more] = await incidentsOf(parent);
      expect(more).toEqual([]);
      expect(incident?.timeline.filter(({ kind }) => kind === 'suppressed')).toHaveLength(2);
      // The parent comes back, one child does not: now it alerts by itself.
      for (const each of [database, search]) each.mode = 'up';
      await pass(60);
      expect((await incidentsOf(parent))[0]?.status).toBe('resolved');
      expect((await incidentsOf(children[0] ?? '')).map(({ status }) => status)).toEqual(['open']);
      expect(await incidentsOf(children[1] ?? '')).toEqual([]);
      await targets.remove(testAuthority, [parent, ...children]);
    });

    test('a circle is refused with its names', async () => {
      const make = async (name: string, dependsOn: string[]) =>
        (
          await targets.create(testAuthority, {
            name,
            kind: 'tcp',
            url: 'tcp://127.0.0.1:1',
            paused: true,
            dependsOn,
          })
        ).id;
      const a = await make('a', []);
      const b = await make('b', [a]);
      const c = await make('c', [b]);
      await expect(targets.update(testAuthority, { id: a, dependsOn: [c] })).rejects.toThrow(
        /circle: c → b → a/,
      );
      await expect(targets.update(testAuthority, { id: a, dependsOn: [a] })).rejects.toThrow(
        /itself/,
      );
      await targets.remove(testAuthority, [a, b, c]);
    });
  });

  describe('what holds healing back', () => {
    test('approval, freeze and maintenance', async () => {
      const sick = await service();
      const remedy = await service();
      remedy.onCall = () => {
        sick.mode = 'up';
      };
      const { id } = await targets.create(testAuthority, {
        name: 'sick',
        kind: 'http',
        url: sick.url,
        intervalSeconds: 5,
        remedy: { kind: 'webhook', url: remedy.url },
        remedyMode: 'approval',
      });
      await pass(6);
      sick.mode = 'errors';
      await pass(25);
      const [run] = await runsOf(id);
      expect(run).toMatchObject({ status: 'awaiting_approval', attempt: 1 });
      expect(remedy.calls).toEqual([]);
      await health.control.freeze(testAuthority, { frozen: true, reason: 'a release' });
      await expect(healing.decide(testAuthority, run?.id ?? '', true)).rejects.toThrow(/paused/);
      await health.control.freeze(testAuthority, { frozen: false });
      const both = await Promise.allSettled([
        healing.decide(testAuthority, run?.id ?? '', true),
        healing.decide(testAuthority, run?.id ?? '', true),
      ]);
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await remediesDone();
      await pass(10);
      expect(await stateOf(id)).toBe('healthy');
      expect(remedy.calls).toHaveLength(1);

      // Ten healthy minutes later the attempts begin anew, but not in maintenance.
      await pass(2);
      clock.advance(11 * 60_000);
      await pass(6);
      const now = clock.now().getTime();
      const window = await health.maintenance.create(testAuthority, {
        targetIds: [id],
        name: 'disk swap',
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + 120_000).toISOString(),
      });
      await targets.update(testAuthority, { id, remedyMode: 'automatic' });
      await pass(3);
      expect(await stateOf(id)).toBe('maintenance');
      sick.mode = 'errors';
      await pass(60);
      expect(await views.get(id)).toMatchObject({ state: 'maintenance', observed: 'down' });
      expect((await incidentsOf(id)).filter(({ status }) => status !== 'resolved')).toEqual([]);
      expect(remedy.calls).toHaveLength(1);
      expect((await views.healing(id)).plan).toContain('disk swap');
      await health.maintenance.cancel(testAuthority, window.id);
      await pass(3);
      await remediesDone();
      await pass(10);
      expect(await stateOf(id)).toBe('healthy');
      expect(remedy.calls).toHaveLength(2);
      const { transitions, uptime } = await health.history.read({
        id,
        from: new Date(now).toISOString(),
        to: clock.now().toISOString(),
      });
      expect(transitions.map(({ from, to }) => `${from} → ${to}`)).toEqual([
        'healthy → maintenance',
        'maintenance → down',
        'down → healthy',
      ]);
      // A minute of failures in maintenance counts for nothing; the seconds after it do.
      expect(uptime).toBeGreaterThan(0.2);
      expect((await views.list({ limit: 10, sort: 'name' })).items[0]?.uptime24h).toBeGreaterThan(
        0.9,
      );
      await targets.remove(testAuthority, [id]);
    });
  });
});
