import { describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { bearer, json, testAuthority, testHost } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';
import { type MemoryResult, policySchema, type ReportInput, reportSchema } from './contract.ts';

const MB = 1024 * 1024;
const MINUTE = 60_000;
const clock = manualClock('2026-03-02T08:00:00Z');
const runtime = await testRuntime({ clock });
const { memory, db, incidents } = runtime;
const CLASS = { name: 'SessionRecord', before: 100, after: 4_100 };
const MAKER = { name: 'rememberSession', file: 'server/sessions.ts', line: 12, bytes: 9 * MB };

type Program = {
  name: string;
  startedAt: number;
  /** One minute: a collection, and what the console answers. */
  minute(heapBytes: number, more?: Partial<ReportInput>): Promise<void>;
  asks: string[];
};
/** A program whose heap is what the test says; it does what it is asked to. */
function program(
  name: string,
  given: { freeBytes?: number; answers?: boolean; policy?: object } = {},
): Program {
  let result: MemoryResult | undefined;
  const self: Program = {
    name,
    startedAt: clock.now().getTime(),
    asks: [],
    async minute(heapBytes, more = {}) {
      clock.advance(MINUTE);
      const at = clock.now().toISOString();
      const report = reportSchema.parse({
        process: {
          name,
          instance: 'one',
          version: '1',
          node: '24',
          startedAt: new Date(self.startedAt).toISOString(),
        },
        sentAt: at,
        samples: [{ at, usedBytes: Math.round(heapBytes) }],
        heapBytes: Math.round(heapBytes),
        limitBytes: 4_000 * MB,
        rssBytes: 500 * MB,
        freeBytes: given.freeBytes ?? 64_000 * MB,
        ...(given.policy ? { policy: given.policy } : {}),
        ...(result ? { result } : {}),
        ...more,
      });
      result = undefined;
      const { ask } = await memory.report(report);
      if (!ask) return;
      self.asks.push(ask.kind);
      if (given.answers === false) return;
      result =
        ask.kind === 'snapshot'
          ? {
              id: ask.id,
              kind: 'snapshot',
              nodes: 10,
              bytes: Math.round(heapBytes),
              classes: [
                { name: '(string)', count: 9, bytes: 900 },
                { name: 'SessionRecord', count: 4_100, bytes: 400_000 },
              ],
              pauseMs: 800,
              analysisMs: 300,
              fileBytes: 1_000,
            }
          : {
              id: ask.id,
              kind: 'profile',
              seconds: 300,
              functions: [MAKER],
              classes: [CLASS],
              pauseMs: 60,
              note: null,
            };
    },
  };
  return self;
}
const leakOf = (minute: number) => 200 * MB * (1 + (0.2 * minute) / 60);
async function leak(self: Program, share = 1): Promise<void> {
  for (let minute = 0; minute < 110; minute++) await self.minute(leakOf(minute) * share);
}
const item = async (name: string) => {
  const { items } = await memory.status({ limit: 200, cursor: null });
  const found = items.find((each) => each.name === name);
  if (!found) throw new Error(`${name} is not watched`);
  return found;
};
const findingsOf = async (name: string) => {
  const { id } = await item(name);
  return (await memory.findings({ limit: 50, cursor: null, process: id })).items;
};

describe('a program that leaks', () => {
  test('is suspected, looked at, found with class and function, told of, and done with when it stops', async () => {
    // Small enough for a snapshot that nobody asked for.
    const shop = program('shop', { policy: { growthBytes: 2 * MB } });
    await leak(shop, 0.1);
    const [finding] = await findingsOf('shop');
    expect(finding).toMatchObject({
      status: 'open',
      classes: [CLASS],
      functions: [MAKER],
    });
    expect(finding?.sentence).toMatch(/^shop on one keeps [\d.]+ MiB more an hour/);
    expect((await item('shop')).verdict).toBe('leak');
    expect(shop.asks).toEqual(['profile', 'snapshot']);

    const incident = await incidents.get(finding?.incidentId ?? '');
    expect(incident).toMatchObject({
      status: 'open',
      source: 'memory',
      title: 'shop leaks memory',
    });
    expect(incident.timeline[0]?.detail).toContain('SessionRecord (100 → 4100 objects)');
    expect(incident.timeline[0]?.detail).toContain('rememberSession (server/sessions.ts:12)');

    const detail = await memory.finding(finding?.id ?? '');
    expect(detail.examinations.map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'snapshot done',
      'profile done',
    ]);
    expect(detail.steps.map(({ what }) => what).join(' ')).toContain(
      'Largest class: SessionRecord',
    );

    const top = leakOf(110) * 0.1;
    for (let minute = 0; minute < 60; minute++) await shop.minute(top);
    expect((await findingsOf('shop'))[0]).toMatchObject({ status: 'resolved' });
    expect((await incidents.get(finding?.incidentId ?? '')).status).toBe('resolved');
    expect((await item('shop')).verdict).toBe('steady');
    const actions = (await db.prisma.auditEntry.findMany({ orderBy: { seq: 'asc' } }))
      .map(({ action }) => action)
      .filter((action) => action.startsWith('memory.'));
    expect(actions).toEqual(['memory.profile', 'memory.found', 'memory.snapshot', 'memory.over']);
  });

  test('a restart ends it, and the heap is learnt anew', async () => {
    const mailer = program('mailer', { freeBytes: 0 });
    await leak(mailer);
    expect((await findingsOf('mailer'))[0]?.status).toBe('open');
    mailer.startedAt = clock.now().getTime();
    await mailer.minute(leakOf(0));
    expect((await findingsOf('mailer'))[0]?.status).toBe('resolved');
    expect(await item('mailer')).toMatchObject({ verdict: 'learning' });
    expect((await item('mailer')).recent).toHaveLength(1);
  });

  test('silence ends it too', async () => {
    const gone = program('gone', { freeBytes: 0 });
    await leak(gone);
    clock.advance(25 * MINUTE);
    expect(await memory.tidy()).toBeGreaterThan(0);
    expect((await findingsOf('gone'))[0]?.status).toBe('resolved');
    expect((await item('gone')).present).toBe(false);
  });
});

describe('no snapshot', () => {
  const why = (name: string) =>
    findingsOf(name).then(async ([found]) =>
      (await memory.finding(found?.id ?? '')).steps.map(({ what }) => what).join(' '),
    );

  test('without 16 times the heap', async () => {
    const poor = program('poor', { freeBytes: 3_000 * MB });
    await leak(poor);
    expect(poor.asks).toEqual(['profile']);
    expect(await why('poor')).toMatch(/No snapshot: A snapshot needs 16 times the heap/);
  });
  test('twice a day, and not while another takes one', async () => {
    const { id } = await item('shop');
    const asked = { process: id, reason: 'a look' };
    // The first test took one.
    await expect(memory.snapshot(testAuthority, asked)).rejects.toMatchObject({
      code: 'CONFLICT',
      publicMessage: expect.stringContaining('once a day'),
    });
    const quiet = program('quiet', { answers: false });
    await quiet.minute(100 * MB);
    const quietId = (await item('quiet')).id;
    await memory.snapshot(testAuthority, { process: quietId, reason: 'first' });
    await expect(memory.snapshot(testAuthority, { process: quietId, reason: 'x' })).rejects.toThrow(
      'busy with a snapshot',
    );
    const other = program('other');
    await other.minute(100 * MB);
    const otherId = (await item('other')).id;
    await expect(memory.snapshot(testAuthority, { process: otherId, reason: 'x' })).rejects.toThrow(
      'only one may at a time',
    );
    // It never answers: after a while another may.
    clock.advance(21 * MINUTE);
    await expect(
      memory.snapshot(testAuthority, { process: otherId, reason: 'x' }),
    ).resolves.toMatchObject({ id: expect.any(String) });
  });
  test('a day later its classes are compared with those of the one before', async () => {
    clock.advance(25 * 60 * MINUTE);
    const shop = program('shop');
    await shop.minute(200 * MB);
    const { id } = await item('shop');
    await memory.snapshot(testAuthority, { process: id, reason: 'to compare' });
    await shop.minute(200 * MB);
    await shop.minute(200 * MB);
    const [newest] = (await memory.examinations({ process: id, limit: 1, cursor: null })).items;
    expect(newest).toMatchObject({ kind: 'snapshot', status: 'done' });
    expect(newest?.largest.find(({ name }) => name === 'SessionRecord')).toMatchObject({
      count: 4_100,
      countBefore: 4_100,
    });
    expect(newest?.comparedWith).not.toBeNull();
  });
});

describe('what a program may not do', () => {
  test('be restarted', async () => {
    const { id } = await item('shop');
    await expect(memory.restart(testAuthority, { process: id, reason: 'x' })).rejects.toThrow(
      'Only processes of the console',
    );
  });
  test('answer what it was not asked, or twice', async () => {
    const { id } = await item('shop');
    const { id: asked } = await memory.profile(testAuthority, { process: id, seconds: 5 });
    const shop = program('shop');
    shop.startedAt = Date.parse((await item('shop')).startedAt);
    const stray: MemoryResult = {
      id: '01a1fc6f-0000-7000-8000-000000000000',
      kind: 'refused',
      reason: 'x',
    };
    await shop.minute(200 * MB, { result: stray });
    await shop.minute(200 * MB);
    const again: MemoryResult = { id: asked, kind: 'refused', reason: 'too late' };
    await shop.minute(200 * MB, { result: again });
    const { items } = await memory.examinations({ process: id, limit: 50, cursor: null });
    expect(items.find((each) => each.id === asked)).toMatchObject({ status: 'done', note: null });
  });
  test('a clock that is wrong by hours moves nothing', async () => {
    const late = program('late');
    const off = 5 * 3_600_000;
    for (let minute = 0; minute < 3; minute++) {
      const wrong = new Date(clock.now().getTime() + MINUTE - off).toISOString();
      await late.minute(100 * MB, {
        sentAt: wrong,
        samples: [{ at: wrong, usedBytes: 100 * MB }],
        process: {
          name: 'late',
          instance: 'one',
          version: '',
          node: '',
          startedAt: new Date(late.startedAt - off).toISOString(),
        },
      });
    }
    const found = await item('late');
    expect(found.recent).toHaveLength(3);
    expect(Date.parse(found.recent[2]?.at ?? '')).toBe(clock.now().getTime());
  });
});

test('a console that leaks drops its caches, then restarts itself once an hour at most', async () => {
  const { createReports } = await import('./reports.ts');
  const reports = createReports({
    ...runtime,
    replicas: () => 1,
    mayRestart: true,
  });
  const startedAt = clock.now().toISOString();
  const seen: string[] = [];
  const minute = async (name: string, heapBytes: number, started = startedAt) => {
    clock.advance(MINUTE);
    const at = clock.now().toISOString();
    const answer = await reports.take(
      'console',
      reportSchema.parse({
        process: { name: 'console', instance: name, startedAt: started },
        sentAt: at,
        samples: [{ at, usedBytes: Math.round(heapBytes) }],
        heapBytes: Math.round(heapBytes),
        limitBytes: 600 * MB,
        rssBytes: 0,
        freeBytes: 0,
        policy: policySchema.parse({}),
      }),
    );
    if (answer.relieve) {
      seen.push('relieve');
      await reports.relieved(answer.processId, 'Caches dropped.');
    }
    if (answer.ask) seen.push(answer.ask.kind);
    if (answer.ask?.kind === 'profile') {
      await reports.take(
        'console',
        reportSchema.parse({
          process: { name: 'console', instance: name, startedAt: started },
          sentAt: at,
          samples: [],
          heapBytes: 1,
          limitBytes: 600 * MB,
          rssBytes: 0,
          freeBytes: 0,
          policy: policySchema.parse({}),
          result: {
            id: answer.ask.id,
            kind: 'profile',
            seconds: 1,
            functions: [],
            classes: [CLASS],
            pauseMs: 1,
            note: null,
          },
        }),
      );
    }
  };
  for (let m = 0; m < 160; m++) await minute('a', leakOf(m));
  expect(seen).toEqual(['profile', 'relieve', 'restart']);
  const processes = await memory.status({ limit: 200, cursor: null });
  const own = processes.items.find(({ instance }) => instance === 'a');
  await expect(
    memory.restart(testAuthority, { process: own?.id ?? '', reason: 'again' }),
  ).rejects.toThrow('within the hour');
  clock.advance(61 * MINUTE);
  await expect(
    memory.restart(testAuthority, { process: own?.id ?? '', reason: 'again' }),
  ).resolves.toMatchObject({ id: expect.any(String) });
});

describe('over HTTP', async () => {
  const system = await testHost();
  const { key } = await system.runtime.keys.create(testAuthority, {
    name: 'programs',
    role: 'viewer',
    scopes: ['ingest'],
  });
  const now = () => new Date().toISOString();
  const report = () => ({
    process: { name: 'api', instance: 'one', version: '', node: '', startedAt: now() },
    sentAt: now(),
    samples: [{ at: now(), usedBytes: 50 * MB }],
    heapBytes: 50 * MB,
    limitBytes: 100 * MB,
    rssBytes: 1,
    freeBytes: 1,
  });
  const post = (name: string, by: string, body: unknown) =>
    system.call(`/api/trpc/${name}`, json(by, body));
  const get = (name: string, input: unknown) =>
    system
      .call(`/api/trpc/${name}?input=${encodeURIComponent(JSON.stringify(input))}`, {
        headers: bearer(system.keys.viewer),
      })
      .then((answer) => answer.json());

  test('a report needs the scope, is kept, and stands in the history', async () => {
    expect((await post('memory.report', system.keys.admin, report())).status).toBe(403);
    expect((await post('memory.report', key, report())).status).toBe(200);
    const { items } = (await get('memory.status', {})).result.data;
    expect(items[0]).toMatchObject({ name: 'api', kind: 'program', verdict: 'learning' });
    const to = new Date(Date.now() + 60_000).toISOString();
    const from = new Date(Date.now() - 600_000).toISOString();
    const history = await get('memory.history', { process: items[0].id, from, to });
    expect(history.result.data.points).toEqual([{ at: expect.any(String), bytes: 50 * MB }]);
  });
  test.each([
    ['a size below zero', { heapBytes: -1 }, 'heapBytes'],
    ['a name with spaces', { process: { ...report().process, name: 'a b' } }, 'process.name'],
    ['a time that is none', { sentAt: 'now' }, 'sentAt'],
    ['a window of nothing', { policy: { windowSeconds: 0 } }, 'policy.windowSeconds'],
    ['a growth that is no number', { policy: { growthRatio: null } }, 'policy.growthRatio'],
    ['too many samples', { samples: Array(1_001).fill(report().samples[0]) }, 'samples'],
  ])('%s is refused at its field', async (_name, wrong, path) => {
    const answer = await post('memory.report', key, { ...report(), ...wrong });
    expect(answer.status).toBe(400);
    const { error } = await answer.json();
    expect(error.data.fields.map((field: { path: string }) => field.path)).toContain(path);
  });
  test('the console watches itself; nobody else can take its place', async () => {
    system.runtime.memory.start();
    await system.runtime.memory.flush();
    const { items } = (await get('memory.status', {})).result.data;
    const own = items.find((each: { kind: string }) => each.kind === 'console');
    expect(own).toMatchObject({ name: 'console', verdict: 'learning' });
    const body = report();
    body.process = { ...body.process, name: 'console', instance: own.instance };
    expect((await post('memory.report', key, body)).status).toBe(409);
  });
  test('readiness fails while somebody stands aside', async () => {
    const back = system.runtime.lifecycle.standAside('a heap snapshot is being taken');
    const aside = await system.call('/readyz');
    expect(aside.status).toBe(503);
    expect(await aside.text()).toContain('a heap snapshot is being taken');
    back();
    expect((await system.call('/readyz')).status).toBe(200);
  });
});
