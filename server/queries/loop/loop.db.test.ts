/** Advice carried out on a PostgreSQL 15 of somebody else, and everything that may go wrong with it. */
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createAddressGuard } from '../../platform/addresses.ts';
import { createAudit } from '../../platform/audit.ts';
import { createBus } from '../../platform/bus.ts';
import { manualClock } from '../../platform/clock.ts';
import { createDb } from '../../platform/db/index.ts';
import { newId } from '../../platform/ids.ts';
import { silentLog } from '../../platform/log.ts';
import { createSharedStore } from '../../platform/redis/index.ts';
import { testAuthority } from '../../platform/testing/host.ts';
import { testDatabase } from '../../platform/testing/index.ts';
import { startPostgres15, type TestPostgres } from '../../platform/testing/postgres15.ts';
import { proxied } from '../../platform/testing/tcp-proxy.ts';
import { createWorkers } from '../../platform/workers/index.ts';
import type { Advice, AdviceItem } from '../contract.ts';
import { createTargets } from '../targets.ts';
import { createFigures } from './figures.ts';
import { createLoop, type Loop } from './service.ts';

const log = silentLog();
const clock = manualClock('2026-11-21T12:00:00Z');
const db = createDb({ url: await testDatabase(), clock, log });
const workers = createWorkers({ maxThreads: 1 });
const store = await createSharedStore({ url: undefined, clock, log });
const bus = createBus(store, log);
const targets = createTargets({ addresses: createAddressGuard(), log });
let server: TestPostgres;
let admin: pg.Client;
let url: string;
let databaseId: string;
let list: Advice[];
const loops: Loop[] = [];

const loopOf = (options: { url?: string | null; replica?: string } = {}): Loop => {
  const loop = createLoop({
    db,
    bus,
    audit: createAudit(clock),
    clock,
    log,
    workers,
    targets,
    applyTarget: async (id) => (options.url === null ? null : { id, url: options.url ?? url }),
    advise: async () => list,
    figures: createFigures(db),
    watched: async () => [databaseId],
    look: async () => undefined,
    replica: options.replica ?? 'one',
    lockTimeoutMs: 300,
  });
  loops.push(loop);
  return loop;
};

beforeAll(async () => {
  server = await startPostgres15();
  url = await server.database('shop', []);
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
});
afterAll(async () => {
  for (const loop of loops) await loop.close();
  await admin.end();
  await workers.close();
  await db.close();
  await store.close();
  await server.stop();
});
beforeEach(async () => {
  await admin.query(`DROP TABLE IF EXISTS orders CASCADE; DROP TABLE IF EXISTS parted;
    CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, "Note" text, at timestamptz DEFAULT now());
    INSERT INTO orders SELECT n, n % 5000, 'note ' || n FROM generate_series(1, 60000) n; ANALYZE orders`);
  databaseId = newId(clock.now());
  await db.prisma.queryDatabase.deleteMany({ where: { kind: 'external' } });
  await db.prisma.queryDatabase.create({
    data: {
      id: databaseId,
      name: 'shop',
      kind: 'external',
      sealedApply: 'x',
      createdAt: clock.now(),
      createdBy: 'test',
      updatedAt: clock.now(),
    },
  });
  list = [];
});

const byCustomer: Advice = {
  kind: 'create_index',
  table: 'orders',
  columns: ['customer'],
  method: 'btree',
  reason: 'Each call reads the whole table.',
  savedMsPerDay: 86_400,
  statements: ['aaaaaaaaaaaaaaaa'],
};
/** The rows after a refresh with these. */
async function given(loop: Loop, ...advice: Advice[]): Promise<AdviceItem[]> {
  list = advice;
  await loop.refresh(databaseId);
  return (await loop.list({ databaseId, view: 'open', limit: 50 })).items;
}
async function first(loop: Loop, ...advice: Advice[]): Promise<AdviceItem> {
  const [item] = await given(loop, ...advice);
  if (!item) throw new Error('no advice');
  return item;
}
async function carriedOut(loop: Loop, id: string): Promise<AdviceItem> {
  await loop.approve(testAuthority, id);
  await loop.tick();
  await loop.settled();
  return loop.get(id);
}
const indexes = async (): Promise<{ name: string; valid: boolean }[]> =>
  (
    await admin.query(
      `SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE i.indrelid = to_regclass('orders') AND NOT i.indisprimary ORDER BY 1`,
    )
  ).rows;
/** One minute of the statement as it really runs now, or as it is said to; written as the collector writes it. */
async function minute(said?: number): Promise<void> {
  const { rows } = await db.pool.query(
    `INSERT INTO query_statements (database_id, fingerprint, text, kind, tables, first_seen, last_seen)
     VALUES ($1, 'aaaaaaaaaaaaaaaa', 'SELECT * FROM orders WHERE customer = $1', 'select', '{orders}', now(), now())
     ON CONFLICT (database_id, fingerprint) DO UPDATE SET last_seen = now() RETURNING id`,
    [databaseId],
  );
  const calls = 30;
  // The shortest call: how busy this machine is must not matter.
  let shortestMs = Number.POSITIVE_INFINITY;
  for (let n = 0; n < calls; n++) {
    const began = performance.now();
    await admin.query('SELECT * FROM orders WHERE customer = $1', [n * 7]);
    shortestMs = Math.min(shortestMs, performance.now() - began);
  }
  const tookMs = said ?? calls * shortestMs;
  const since = clock.now();
  clock.advance(60_000);
  await db.pool.query(
    `INSERT INTO query_minutes (database_id, at, since, total_ms, statements, calls, times_ms, rows, hits, reads, io_ms, temps)
     VALUES ($1, $2, $3, $4::float8, ARRAY[$5::int], ARRAY[$6::real], ARRAY[$4::float8], '{0}', '{0}', '{0}', '{0}', '{0}')`,
    [databaseId, clock.now(), since, tookMs, rows[0].id, calls],
  );
}
await db.pool.query(
  `CREATE TABLE query_minutes_test PARTITION OF query_minutes FOR VALUES FROM ('2026-11-20') TO ('2026-11-23')`,
);

test('found, approved, built, measured, kept: with the audit of it', async () => {
  const loop = loopOf();
  const open = await first(loop, byCustomer);
  expect(open).toMatchObject({
    state: 'open',
    applicable: 'yes',
    index: expect.stringMatching(/^wh_orders_customer_[0-9a-f]{8}$/),
  });
  await minute();
  expect(await carriedOut(loop, open.id)).toMatchObject({ state: 'verifying', progress: null });
  expect(await indexes()).toEqual([{ name: open.index, valid: true }]);
  await minute();
  await loop.tick();
  const verified = await loop.get(open.id);
  expect(verified).toMatchObject({
    state: 'verifying',
    proposal: 'keep',
    before: { calls: 30 },
    after: { calls: 30 },
  });
  expect((verified.before?.meanMs ?? 0) / (verified.after?.meanMs ?? 1)).toBeGreaterThan(4);
  expect(verified.detail).toMatch(/times faster/);
  await loop.decide(testAuthority, open.id, true);
  const kept = await loop.get(open.id);
  expect(kept.timeline.map(({ state }) => state)).toEqual([
    'approved',
    'applying',
    'verifying',
    'kept',
  ]);
  const entries = await db.prisma.auditEntry.findMany({
    where: { targetId: open.id },
    orderBy: { seq: 'asc' },
    select: { action: true, actorName: true },
  });
  expect(entries).toEqual([
    { action: 'queries.advice.approve', actorName: 'test' },
    { action: 'queries.advice.applying', actorName: 'advice' },
    { action: 'queries.advice.applied', actorName: 'advice' },
    { action: 'queries.advice.keep', actorName: 'test' },
  ]);
});

test('what does not help is proposed to be dropped, and dropped', async () => {
  const loop = loopOf();
  const open = await first(loop, { ...byCustomer, columns: ['at'], order: ['DESC'] });
  await minute(90);
  await carriedOut(loop, open.id);
  expect(await indexes()).toHaveLength(1);
  await minute(90);
  await loop.tick();
  expect(await loop.get(open.id)).toMatchObject({
    proposal: 'drop',
    detail: expect.stringContaining('3.0 ms a call before, 3.0 ms now: not notably faster'),
  });
  await loop.decide(testAuthority, open.id, false);
  await loop.tick();
  await loop.settled();
  expect(await loop.get(open.id)).toMatchObject({ state: 'dropped' });
  expect(await indexes()).toEqual([]);
  // It does not come back by itself, and a person may bring it back.
  expect(await given(loop, { ...byCustomer, columns: ['at'], order: ['DESC'] })).toEqual([]);
  await loop.reopen(testAuthority, open.id);
  expect(await loop.get(open.id)).toMatchObject({ state: 'open' });
});

test.each<[string, Advice, string]>([
  [
    'names that need quotes',
    { ...byCustomer, columns: ['Note'], include: ['customer'] },
    'CREATE INDEX wh_orders_note_… ON public.orders USING btree ("Note") INCLUDE (customer)',
  ],
  [
    'an expression and a predicate',
    { ...byCustomer, columns: ['lower("Note")', 'customer'], where: 'customer > 100' },
    'CREATE INDEX wh_orders_lower_note_customer_… ON public.orders USING btree (lower("Note"), customer) WHERE (customer > 100)',
  ],
  [
    'a class of operators',
    { ...byCustomer, columns: ['Note'], opclass: 'text_pattern_ops' },
    'CREATE INDEX wh_orders_note_… ON public.orders USING btree ("Note" text_pattern_ops)',
  ],
  [
    'a class that fits one column of two',
    { ...byCustomer, columns: ['customer', 'Note'], opclass: 'text_pattern_ops' },
    'CREATE INDEX wh_orders_customer_note_… ON public.orders USING btree (customer, "Note" text_pattern_ops)',
  ],
  [
    'BRIN',
    { ...byCustomer, columns: ['at'], method: 'brin' },
    'CREATE INDEX wh_orders_at_… ON public.orders USING brin (at)',
  ],
])('%s', async (_name, advice, expected) => {
  const loop = loopOf();
  const item = await carriedOut(loop, (await first(loop, advice)).id);
  expect(item).toMatchObject({ state: 'verifying' });
  const { rows } = await admin.query(`SELECT pg_get_indexdef($1::regclass) AS made`, [item.index]);
  expect(rows[0].made.replace(/_[0-9a-f]{8} /, '_… ')).toBe(expected);
});

test.each<[string, Advice, RegExp]>([
  [
    'a second statement',
    { ...byCustomer, columns: ['customer); DROP TABLE orders; --'] },
    /cannot be read|holds 2|does not parse/,
  ],
  [
    'another table',
    { ...byCustomer, columns: ['customer)) ; --'] },
    /cannot be read|does not parse|another/,
  ],
  [
    'options behind the predicate',
    { ...byCustomer, where: 'true) TABLESPACE (x' },
    /cannot be read|does not parse/,
  ],
  [
    'a subselect',
    { ...byCustomer, columns: ['(SELECT 1)'] },
    /PostgreSQL refused it: cannot use subquery/,
  ],
  [
    'a function with effects',
    { ...byCustomer, columns: ['pg_advisory_lock(customer)'] },
    /not harmless: it calls pg_advisory_lock/,
  ],
  ['a table that is not there', { ...byCustomer, table: 'nowhere' }, /no table nowhere/],
  ['a partitioned table', { ...byCustomer, table: 'parted' }, /partitioned/],
  [
    'the primary key',
    { kind: 'drop_index', name: 'orders_pkey', table: 'orders', reason: 'x' },
    /upholds a rule/,
  ],
  [
    "another table's index",
    { kind: 'drop_index', name: 'parted_i', table: 'orders', reason: 'x' },
    /no index parted_i on orders/,
  ],
])('refused: %s', async (_name, advice, reason) => {
  await admin.query('CREATE TABLE parted (customer int) PARTITION BY RANGE (customer)');
  const loop = loopOf();
  const item = await carriedOut(loop, (await first(loop, advice)).id);
  expect(item.detail).toMatch(reason);
  expect(item.state).toBe('failed');
  expect(await indexes()).toEqual([]);
  const { rows } = await admin.query(`SELECT count(*)::int AS n FROM orders`);
  expect(rows).toEqual([{ n: 60000 }]);
});

test('an index that cannot become valid is not left behind', async () => {
  const loop = loopOf();
  const open = await first(loop, { ...byCustomer, unique: true });
  const item = await carriedOut(loop, open.id);
  expect(item).toMatchObject({
    state: 'failed',
    detail: expect.stringMatching(/could not create unique index.*was removed/),
  });
  expect(await indexes()).toEqual([]);
});

test('an unused index is dropped, its definition kept, and made again when it was needed', async () => {
  await admin.query('CREATE INDEX by_note ON orders ("Note" DESC) WHERE customer > 3');
  const { rows } = await admin.query(`SELECT pg_get_indexdef('by_note'::regclass) AS made`);
  const loop = loopOf();
  const open = await first(loop, {
    kind: 'drop_index',
    name: 'by_note',
    table: 'orders',
    reason: 'Never used.',
  });
  expect(await carriedOut(loop, open.id)).toMatchObject({ state: 'verifying' });
  expect(await indexes()).toEqual([]);
  await loop.decide(testAuthority, open.id, false);
  await loop.tick();
  await loop.settled();
  expect(await loop.get(open.id)).toMatchObject({ state: 'dropped' });
  expect((await admin.query(`SELECT pg_get_indexdef('by_note'::regclass) AS made`)).rows).toEqual(
    rows,
  );
});

test('REINDEX and ANALYZE', async () => {
  await admin.query('CREATE INDEX by_note ON orders ("Note")');
  const loop = loopOf();
  const items = await given(
    loop,
    { kind: 'reindex', name: 'by_note', table: 'orders', reason: 'Bloated.' },
    { kind: 'analyze', table: 'orders', reason: 'Old statistics.' },
  );
  for (const { id } of items) await loop.approve(testAuthority, id);
  await vi.waitFor(async () => {
    await loop.tick();
    await loop.settled();
    for (const { id } of items) expect((await loop.get(id)).state).toBe('verifying');
  });
  expect(await indexes()).toEqual([{ name: 'by_note', valid: true }]);
});

test('a long transaction: it gives up, says so, and cleans up when it can', async () => {
  const loop = loopOf();
  const open = await first(loop, byCustomer);
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  await other.query('BEGIN; UPDATE orders SET customer = 1 WHERE id = 1');
  const stuck = await carriedOut(loop, open.id);
  expect(stuck).toMatchObject({
    state: 'applying',
    detail: expect.stringMatching(/stood in its way.*not known yet/),
  });
  expect(await indexes()).toEqual([{ name: open.index, valid: false }]);
  await other.query('ROLLBACK');
  await other.end();
  clock.advance(3_000);
  await loop.tick();
  await loop.settled();
  expect(await loop.get(open.id)).toMatchObject({
    state: 'failed',
    detail: expect.stringMatching(/removed/),
  });
  expect(await indexes()).toEqual([]);
  // And then it can be tried again.
  expect(await carriedOut(loop, open.id)).toMatchObject({ state: 'verifying' });
});

/** Something that makes a build wait for as long as the test likes. */
async function holdUp(): Promise<{ free(): Promise<void> }> {
  const other = new pg.Client({ connectionString: url });
  // The server may crash under it.
  other.on('error', () => undefined);
  await other.connect();
  await other.query('BEGIN; UPDATE orders SET customer = 1 WHERE id = 1');
  // What a failing test leaves would hold up the ones after it.
  onTestFinished(() => other.end().catch(() => undefined));
  return {
    async free() {
      await other.query('ROLLBACK');
      await other.end();
    },
  };
}
const patient = (options: { url?: string; replica?: string } = {}): Loop => {
  const loop = createLoop({
    db,
    bus,
    audit: createAudit(clock),
    clock,
    log,
    workers,
    targets,
    applyTarget: async (id) => ({ id, url: options.url ?? url }),
    advise: async () => list,
    figures: createFigures(db),
    watched: async () => [databaseId],
    look: async () => undefined,
    replica: options.replica ?? 'patient',
    lockTimeoutMs: 60_000,
  });
  loops.push(loop);
  return loop;
};
const atWork = (pattern: string) =>
  vi.waitFor(
    async () => {
      const { rows } = await admin.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'wheelhouse apply' AND state = 'active' AND query LIKE $1 || '%'`,
        [pattern],
      );
      expect(rows[0]).toEqual({ n: 1 });
    },
    { timeout: 10_000, interval: 20 },
  );
const building = (name: string | null) => atWork(`CREATE % INDEX%${name}`);

test('two operators at once: it is built once, and one of them hears so', async () => {
  const loop = loopOf();
  const open = await first(loop, byCustomer);
  const answers = await Promise.allSettled([
    loop.approve(testAuthority, open.id),
    loop.approve(testAuthority, open.id),
  ]);
  expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  // Two consoles look at the same moment.
  const second = loopOf({ replica: 'two' });
  await Promise.all([loop.tick(), second.tick()]);
  await Promise.all([loop.settled(), second.settled()]);
  expect(await loop.get(open.id)).toMatchObject({ state: 'verifying' });
  expect(
    (await loop.get(open.id)).timeline.filter(({ state }) => state === 'applying'),
  ).toHaveLength(1);
});

test('one at a time for a database, in the order of approval; what waits can be withdrawn', async () => {
  const loop = patient();
  const [one, two, three] = await given(
    loop,
    byCustomer,
    { ...byCustomer, columns: ['at'], savedMsPerDay: 5 },
    { ...byCustomer, columns: ['Note'], savedMsPerDay: 3 },
  );
  if (!one || !two || !three) throw new Error('three');
  const held = await holdUp();
  for (const { id } of [one, two, three]) {
    await loop.approve(testAuthority, id);
    clock.advance(10);
  }
  await loop.tick();
  await building(one.index);
  expect((await loop.get(two.id)).state).toBe('approved');
  await loop.cancel(testAuthority, three.id);
  expect((await loop.get(three.id)).state).toBe('open');
  await held.free();
  await loop.settled();
  await loop.tick();
  await loop.settled();
  expect((await loop.get(one.id)).state).toBe('verifying');
  expect((await loop.get(two.id)).state).toBe('verifying');
});

test('cancelled while it builds: nothing is left', async () => {
  const loop = patient();
  const open = await first(loop, byCustomer);
  const held = await holdUp();
  await loop.approve(testAuthority, open.id);
  await loop.tick();
  await building(open.index);
  await loop.cancel(testAuthority, open.id);
  // To remove what is half built waits for the same transaction; freed before, the build might still win.
  await atWork(`DROP % INDEX%${open.index}`);
  await held.free();
  await loop.settled();
  expect(await loop.get(open.id)).toMatchObject({
    state: 'failed',
    detail: expect.stringMatching(/cancelled.*removed/),
  });
  expect(await indexes()).toEqual([]);
});

test('the connection is cut while it builds: what became of it is found out', async () => {
  const { url: through, proxy } = await proxied(url);
  const loop = patient({ url: through });
  const open = await first(loop, byCustomer);
  const held = await holdUp();
  await loop.approve(testAuthority, open.id);
  await loop.tick();
  await building(open.index);
  proxy.cut();
  await loop.settled();
  expect(await loop.get(open.id)).toMatchObject({
    state: 'applying',
    detail: expect.stringMatching(/not known yet/),
  });
  // The server may build on for nobody, or have given up: either way it is told apart.
  proxy.mend();
  await held.free();
  await vi.waitFor(
    async () => {
      clock.advance(3_000);
      await loop.tick();
      await loop.settled();
      const { state } = await loop.get(open.id);
      expect(['verifying', 'failed']).toContain(state);
      const valid = state === 'verifying' ? [{ name: open.index, valid: true }] : [];
      expect(await indexes()).toEqual(valid);
    },
    { timeout: 15_000, interval: 50 },
  );
});

test('the server crashes while it builds', async () => {
  const loop = patient();
  const open = await first(loop, byCustomer);
  const held = await holdUp();
  await loop.approve(testAuthority, open.id);
  await loop.tick();
  await building(open.index);
  admin.on('error', () => undefined);
  held.free().catch(() => undefined);
  await server.restart('immediate');
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await loop.settled();
  await vi.waitFor(
    async () => {
      clock.advance(3_000);
      await loop.tick();
      await loop.settled();
      expect((await loop.get(open.id)).state).toMatch(/^(failed|verifying)$/);
    },
    { timeout: 15_000, interval: 50 },
  );
  expect((await indexes()).every(({ valid }) => valid)).toBe(true);
});

test('the console is killed while it builds, and another one takes over', async () => {
  const dead = patient({ replica: 'dead' });
  const open = await first(dead, byCustomer);
  const held = await holdUp();
  await dead.approve(testAuthority, open.id);
  await dead.tick();
  await building(open.index);
  // Killed: nobody speaks for it any more, and the server still builds.
  const heir = patient({ replica: 'heir' });
  clock.advance(60_000);
  await heir.tick();
  await heir.settled();
  expect(await heir.get(open.id)).toMatchObject({ state: 'applying' });
  await heir.cancel(testAuthority, open.id);
  clock.advance(3_000);
  await heir.tick();
  await heir.settled();
  await held.free();
  await vi.waitFor(
    async () => {
      clock.advance(3_000);
      await heir.tick();
      await heir.settled();
      expect((await heir.get(open.id)).state).toBe('failed');
    },
    { timeout: 15_000, interval: 50 },
  );
  await dead.settled();
  expect(await heir.get(open.id)).toMatchObject({ state: 'failed' });
  expect(await indexes()).toEqual([]);
});

test('a role without the right, and none at all', async () => {
  await admin.query(
    `DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`,
  );
  const low = new URL(url);
  low.username = 'reader';
  low.password = 'r';
  const loop = loopOf({ url: low.href });
  const open = await first(loop, byCustomer);
  expect(await carriedOut(loop, open.id)).toMatchObject({
    state: 'failed',
    detail: expect.stringMatching(/may not do this: must be owner of table orders/),
  });
  const without = loopOf({ url: null });
  await expect(without.approve(testAuthority, open.id)).rejects.toMatchObject({
    code: 'CONFLICT',
    publicMessage: expect.stringMatching(/No role is known/),
  });
  await without.markApplied(testAuthority, open.id);
  expect(await without.get(open.id)).toMatchObject({
    state: 'verifying',
    detail: 'Carried out by hand.',
  });
});

test('dismissed stays away until the evidence changes; what is not given any more is gone', async () => {
  const loop = loopOf();
  const open = await first(loop, byCustomer);
  await loop.dismiss(testAuthority, open.id, 'The table goes next week');
  expect(await given(loop, { ...byCustomer, savedMsPerDay: 90_000 })).toEqual([]);
  expect((await loop.list({ view: 'dismissed', limit: 5 })).items).toMatchObject([
    { id: open.id, detail: 'The table goes next week' },
  ]);
  expect(await given(loop, { ...byCustomer, savedMsPerDay: 900_000 })).toMatchObject([
    { id: open.id, state: 'open' },
  ]);
  expect(await given(loop)).toEqual([]);
  expect((await loop.get(open.id)).state).toBe('gone');
  expect(await given(loop, byCustomer)).toMatchObject([{ id: open.id, state: 'open' }]);
});

test('ranked by what it saves, page by page', async () => {
  const loop = loopOf();
  const many = Array.from(
    { length: 7 },
    (_, n): Advice => ({ ...byCustomer, columns: [`c${n}`], savedMsPerDay: n === 3 ? 5 : n }),
  );
  list = many;
  await loop.refresh(databaseId);
  const seen: number[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Loop['list']>> = await loop.list({
      databaseId,
      view: 'open',
      limit: 2,
      cursor,
    });
    seen.push(...page.items.map(({ savedMsPerDay }) => savedMsPerDay));
    cursor = page.nextCursor;
  } while (cursor);
  expect(seen).toEqual([6, 5, 5, 4, 2, 1, 0]);
  expect(await loop.summary()).toMatchObject({ open: 7, savedMsPerDay: 23, underWay: 0 });
});
