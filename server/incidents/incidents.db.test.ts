/** Grouping, reminders, decisions of people, and what is queued for them, on a real PostgreSQL. */
import { describe, expect, test } from 'vitest';
import { manualClock } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import { testAuthority } from '../platform/testing/host.ts';
import { testRuntime } from '../platform/testing/index.ts';

const clock = manualClock('2026-03-02T08:00:00Z');
const { incidents, notify, db } = await testRuntime({ clock });
await notify.channels.create(testAuthority, {
  name: 'hook',
  kind: 'webhook',
  url: 'http://127.0.0.1:9/',
  enabled: true,
  minSeverity: 'warning',
});

const target = (name: string) => ({ id: newId(clock.now()), name });
const open = (input: { target: { id: string; name: string }; group?: string }) =>
  db.tx((tx) =>
    incidents.open(tx, {
      target: input.target,
      group: input.group ?? null,
      severity: 'error',
      startedAt: new Date(clock.now().getTime() - 10_000),
      detail: 'connection refused',
      facts: [{ label: 'Check', value: 'http' }],
    }),
  );
const recovered = (of: { id: string; name: string }) =>
  db.tx((tx) => incidents.recovered(tx, of, 'status 200'));
const told = async (thread: string) =>
  (
    await db.prisma.delivery.findMany({
      where: { thread },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      select: { kind: true },
    })
  ).map(({ kind }) => kind);

describe('one target', () => {
  test('tells at once, is found again, reminds after 4 h until somebody takes it, resolves', async () => {
    const api = target('api');
    const { id, opened } = await open({ target: api });
    expect(opened).toBe(true);
    expect(await open({ target: api })).toEqual({ id, opened: false });
    expect(await told(id)).toEqual(['trigger']);
    clock.advance(4 * 3_600_000 - 1_000);
    expect(await incidents.tick()).toBe(0);
    clock.advance(1_000);
    expect(await incidents.tick()).toBe(1);
    expect(await incidents.tick()).toBe(0);
    expect(await told(id)).toEqual(['trigger', 'reminder']);
    await incidents.acknowledge(testAuthority, id);
    await expect(incidents.acknowledge(testAuthority, id)).rejects.toThrow(
      'test has already acknowledged it.',
    );
    clock.advance(5 * 3_600_000);
    await incidents.tick();
    expect(await told(id)).toEqual(['trigger', 'reminder', 'acknowledge']);
    await incidents.note(testAuthority, { id, note: 'looking\nat it' });
    expect(await recovered(api)).toBe(id);
    expect(await recovered(api)).toBe(null);
    expect(await told(id)).toEqual(['trigger', 'reminder', 'acknowledge', 'resolve']);
    const detail = await incidents.get(id);
    expect(detail).toMatchObject({ status: 'resolved', detectMs: 10_000, resolvedBy: null });
    expect(detail.acknowledgeMs).toBe(4 * 3_600_000);
    expect(detail.recoverMs).toBe(9 * 3_600_000 + 10_000);
    await expect(incidents.resolve(testAuthority, { id, note: '' })).rejects.toThrow(
      'already resolved',
    );
    expect((await open({ target: api })).id).not.toBe(id);
  });

  test('two at the same moment make one incident and one message', async () => {
    const web = target('web');
    const made = await Promise.all([
      open({ target: web }),
      open({ target: web }),
      open({ target: web }),
    ]);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(made.filter(({ opened }) => opened)).toHaveLength(1);
    expect(await told(made[0]?.id ?? '')).toEqual(['trigger']);
  });
});

describe('a group', () => {
  test('waits 30 s for the others, gives news every 5 min, ends with the last', async () => {
    const [a, b, c] = [target('a'), target('b'), target('c')];
    const { id } = await open({ target: a, group: 'shop' });
    clock.advance(10_000);
    expect(await open({ target: b, group: 'shop' })).toEqual({ id, opened: false });
    await incidents.tick();
    expect(await told(id)).toEqual([]);
    clock.advance(20_000);
    await incidents.tick();
    expect(await told(id)).toEqual(['trigger']);
    const [first] = await db.prisma.delivery.findMany({
      where: { thread: id },
      select: { message: true },
    });
    expect(JSON.stringify(first?.message)).toContain('2 targets are down: a, b');
    clock.advance(60_000);
    await open({ target: c, group: 'shop' });
    await incidents.tick();
    expect(await told(id)).toEqual(['trigger']);
    clock.advance(4 * 60_000);
    await incidents.tick();
    expect(await told(id)).toEqual(['trigger', 'update']);
    for (const each of [a, b]) await recovered(each);
    expect((await incidents.get(id)).status).toBe('open');
    await recovered(c);
    expect(await told(id)).toEqual(['trigger', 'update', 'resolve']);
    expect((await incidents.get(id)).targets.every((each) => each.recovered)).toBe(true);
  });

  test('over before anybody was told: nobody is', async () => {
    const blip = target('blip');
    const { id } = await open({ target: blip, group: 'edge' });
    clock.advance(10_000);
    await recovered(blip);
    clock.advance(60_000);
    await incidents.tick();
    expect(await told(id)).toEqual([]);
    expect((await incidents.get(id)).status).toBe('resolved');
  });
});

test('an escalation is critical and told with its evidence', async () => {
  const db1 = target('db1');
  const { id } = await open({ target: db1 });
  await db.tx((tx) =>
    incidents.escalate(tx, id, {
      detail: '3 attempts did not bring it back.',
      facts: [{ label: 'Attempt 1', value: 'exit code 1' }],
    }),
  );
  expect(await incidents.get(id)).toMatchObject({ severity: 'critical', escalated: true });
  expect(await told(id)).toEqual(['trigger', 'escalate']);
});

test('lists by status, target and title; a percent sign stands for itself', async () => {
  const odd = target('100%_<b>odd</b>');
  const { id } = await open({ target: odd });
  const list = async (input: object) =>
    (await incidents.list({ limit: 10, ...input })).items.map((item) => item.id);
  expect(await list({ search: '100%_' })).toEqual([id]);
  expect(await list({ search: '%' })).toEqual([id]);
  expect(await list({ targetId: odd.id, status: 'resolved' })).toEqual([]);
  expect(await list({ targetId: odd.id, unresolved: true })).toEqual([id]);
  const page = await incidents.list({ limit: 2 });
  expect(page.items).toHaveLength(2);
  const rest = await incidents.list({ limit: 200, cursor: page.nextCursor });
  expect(rest.items.map((item) => item.id)).not.toContain(page.items[1]?.id);
  expect((await incidents.figures(30)).opened).toBe(page.items.length + rest.items.length);
});
