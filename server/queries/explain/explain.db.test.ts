/** Statements that mean harm, on both servers, with a superuser's URL and a low role's; after each everything is as it was. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { createAddressGuard } from '../../platform/addresses.ts';
import { systemClock } from '../../platform/clock.ts';
import { createDb } from '../../platform/db/index.ts';
import { withLock } from '../../platform/lock.ts';
import { silentLog } from '../../platform/log.ts';
import { testDatabase } from '../../platform/testing/index.ts';
import { startPostgres15, type TestPostgres } from '../../platform/testing/postgres15.ts';
import { createWorkers } from '../../platform/workers/index.ts';
import { createTargets } from '../targets.ts';
import { createExplain, type ExplainInput } from './service.ts';

const log = silentLog();
const db = createDb({ url: await testDatabase(), clock: systemClock, log });
const workers = createWorkers({ maxThreads: 1 });
const targets = createTargets({ addresses: createAddressGuard(), log });
let postgres15: TestPostgres;
beforeAll(async () => {
  postgres15 = await startPostgres15();
});
afterAll(async () => {
  await workers.close();
  await db.close();
  await postgres15?.stop();
});

/** What a victim's database holds: things that do more than they say, and harmless ones. */
const FIXTURE = `
CREATE EXTENSION dblink; CREATE EXTENSION tablefunc; CREATE EXTENSION file_fdw; CREATE EXTENSION pg_trgm; CREATE EXTENSION citext;
CREATE SCHEMA other;
CREATE TABLE victim (id int PRIMARY KEY, name text, at timestamptz DEFAULT now());
INSERT INTO victim SELECT n, 'name ' || n FROM generate_series(1, 500) n;
CREATE TABLE big AS SELECT n AS id, n % 100 AS kind, repeat('x', 20) AS pad FROM generate_series(1, 20000) n;
CREATE SEQUENCE numbers;
CREATE FUNCTION writes(a int) RETURNS int LANGUAGE plpgsql AS $$BEGIN INSERT INTO victim VALUES (a, 'written'); RETURN a; END$$;
CREATE FUNCTION grabs(a int) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM pg_advisory_lock(a); RETURN a; END$$;
CREATE FUNCTION lies_stable(a int) RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN PERFORM pg_advisory_lock(a); RETURN a; END$$;
CREATE FUNCTION lies_immutable(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM pg_advisory_lock(a); RETURN a; END$$;
CREATE FUNCTION lies_in_sql(a int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT a FROM (SELECT pg_advisory_lock(a)) x$$;
CREATE FUNCTION lies_by_another(a int) RETURNS int LANGUAGE sql STABLE AS $$SELECT public.lies_in_sql(a)$$;
CREATE FUNCTION makes_up(a int) RETURNS int LANGUAGE plpgsql STABLE AS $$DECLARE r int; BEGIN EXECUTE 'SELECT 1 FROM (SELECT pg_advisory' || '_lock(7)) x' INTO r; RETURN r; END$$;
CREATE FUNCTION wraps(a int) RETURNS int LANGUAGE sql VOLATILE AS $$SELECT lies_immutable(9)$$;
CREATE FUNCTION no_timeout(a int) RETURNS int LANGUAGE plpgsql STABLE SET statement_timeout = 0 AS $$BEGIN RETURN a; END$$;
CREATE FUNCTION other.definer(a int) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$BEGIN PERFORM pg_terminate_backend(a); RETURN a; END$$;
CREATE FUNCTION defaulted(a int DEFAULT grabs(5)) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT 1$$;
CREATE FUNCTION peek(victim) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM pg_advisory_lock(6); RETURN 1; END$$;
CREATE FUNCTION assigns(a int) RETURNS int LANGUAGE plpgsql STABLE AS $$DECLARE x int; BEGIN x := (SELECT 1 FROM (SELECT pg_advisory_lock(8)) y); RETURN x; END$$;
CREATE FUNCTION builtin_alias(double precision) RETURNS void LANGUAGE internal IMMUTABLE AS 'pg_sleep';
CREATE FUNCTION pair(a int, b int) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM pg_advisory_lock(3); RETURN a; END$$;
CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = pair);
CREATE VIEW sleeps AS SELECT 1 AS one FROM pg_sleep(2);
CREATE VIEW locks AS SELECT id, pg_advisory_lock(id)::text AS lock FROM victim;
CREATE VIEW around AS SELECT * FROM locks;
CREATE VIEW for_update AS SELECT * FROM victim FOR UPDATE;
CREATE DOMAIN checked AS int CHECK (grabs(VALUE) > 0);
CREATE TYPE holder AS (a checked);
CREATE TABLE holds (a checked);
CREATE AGGREGATE greedy (int) (SFUNC = pair, STYPE = int, INITCOND = '0');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE outside (line text) SERVER files OPTIONS (filename '/etc/hostname');
CREATE TABLE parted (id int, line text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE FOREIGN TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200) SERVER files OPTIONS (filename '/dev/null');
CREATE TABLE guarded (id int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON guarded USING (grabs(id) > 0);
CREATE TABLE quiet (id int PRIMARY KEY, parent int REFERENCES quiet, body jsonb, tags text[], mail citext);
INSERT INTO quiet SELECT n, NULL, jsonb_build_object('n', n), ARRAY['a', 'b'], 'a@b.c' FROM generate_series(1, 300) n;
CREATE FUNCTION atomic(a int) RETURNS int LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT a FROM (SELECT pg_advisory_lock(a)) x; END;
CREATE FUNCTION doubles(a int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT a * 2$$;
CREATE FUNCTION counts(a int) RETURNS int LANGUAGE plpgsql STABLE AS $$DECLARE n int := 0; r record; BEGIN FOR r IN SELECT * FROM quiet LIMIT 3 LOOP n := n + r.id; END LOOP; IF n > a THEN RETURN n; END IF; RETURN a; END$$;
CREATE VIEW fine AS SELECT id, lower(mail::text) AS mail, doubles(id) AS twice FROM quiet;
ANALYZE;
`;

const HOSTILE: [string, string][] = [
  ['several statements', 'SELECT 1; COMMIT; DROP TABLE victim'],
  ['two selects', 'SELECT 1; SELECT 2'],
  ['insert', "INSERT INTO victim VALUES (9001, 'x')"],
  ['update', "UPDATE victim SET name = 'x'"],
  ['delete', 'DELETE FROM victim'],
  ['merge', 'MERGE INTO victim v USING quiet q ON v.id = q.id WHEN MATCHED THEN DELETE'],
  ['truncate', 'TRUNCATE victim'],
  ['drop', 'DROP TABLE victim'],
  ['delete in WITH', 'WITH gone AS (DELETE FROM victim RETURNING *) SELECT * FROM gone'],
  [
    'delete in a nested WITH',
    'SELECT * FROM (WITH g AS (DELETE FROM victim RETURNING id) SELECT * FROM g) x',
  ],
  ['select into', 'SELECT * INTO copied FROM victim'],
  ['select into in a union', 'SELECT 1 INTO copied UNION SELECT 2'],
  ['create table as', 'CREATE TABLE copied AS SELECT 1'],
  ['for update', 'SELECT * FROM victim FOR UPDATE'],
  ['for key share in a subquery', 'SELECT * FROM (SELECT * FROM victim FOR KEY SHARE) x'],
  ['for share in WITH', 'WITH x AS (SELECT * FROM victim FOR SHARE SKIP LOCKED) SELECT 1 FROM x'],
  ['for update in a view', 'SELECT * FROM for_update'],
  ['do', 'DO $$BEGIN DELETE FROM victim; END$$'],
  ['call', 'CALL writes(1)'],
  ['copy to a program', "COPY victim TO PROGRAM 'true'"],
  ['copy from', "COPY victim FROM '/etc/passwd'"],
  ['explain analyze', 'EXPLAIN ANALYZE DELETE FROM victim'],
  ['prepare', 'PREPARE x AS SELECT 1'],
  ['execute', 'EXECUTE wheelhouse_explained'],
  ['declare', 'DECLARE c CURSOR FOR SELECT 1'],
  ['lock table', 'LOCK TABLE victim'],
  ['set', 'SET statement_timeout = 0'],
  ['begin', 'BEGIN READ WRITE'],
  ['vacuum', 'VACUUM victim'],
  ['notify', "NOTIFY x, 'y'"],
  ['nextval', "SELECT nextval('numbers')"],
  ['setval', "SELECT setval('numbers', 100)"],
  ['currval', "SELECT currval('numbers')"],
  ['sleep', 'SELECT pg_sleep(2)'],
  ['sleep in FROM', 'SELECT * FROM pg_sleep(5)'],
  ['sleep in rows from', 'SELECT * FROM ROWS FROM (pg_sleep(5), generate_series(1, 2)) x'],
  ['sleep for', "SELECT pg_sleep_for('5 seconds')"],
  ['sleep in LATERAL', 'SELECT * FROM victim, LATERAL (SELECT pg_sleep(1)) x'],
  ['sleep in a qualified and quoted name', 'SELECT pg_catalog."pg_sleep"(2)'],
  ['sleep in unicode', String.raw`SELECT U&"\0070g_sleep"(2)`],
  ['sleep behind a comment', 'SELECT /* harmless */ pg_sleep/**/(2) -- ok'],
  ['sleep in LIMIT', 'SELECT 1 LIMIT (SELECT 1 FROM pg_sleep(2))'],
  ['sleep in ORDER BY', 'SELECT 1 ORDER BY (SELECT pg_sleep(2)::text)'],
  ['sleep in a window', 'SELECT count(*) OVER (ORDER BY pg_sleep(1)::text) FROM victim'],
  ['sleep in a filter', 'SELECT count(*) FILTER (WHERE pg_sleep(1) IS NULL) FROM victim'],
  ['sleep in VALUES', 'VALUES (pg_sleep(2))'],
  ['sleep in CASE', "SELECT CASE WHEN pg_sleep(2)::text = '' THEN 1 END"],
  [
    'sleep in a recursive WITH',
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, pg_sleep(1)) SELECT * FROM r',
  ],
  ['sleep in a view', 'SELECT * FROM sleeps'],
  ['table of a view that sleeps', 'TABLE sleeps'],
  ['advisory lock', 'SELECT pg_advisory_lock(1)'],
  ['advisory lock, tried', 'SELECT pg_try_advisory_lock(1)'],
  ['advisory lock in a subselect', 'SELECT 1 WHERE EXISTS (SELECT pg_advisory_lock(2))'],
  ['advisory lock in a view of a view', 'SELECT count(*) FROM around'],
  ['terminate', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity'],
  ['cancel', 'SELECT pg_cancel_backend(1)'],
  ['set_config', "SELECT set_config('statement_timeout', '0', false)"],
  ['set_config of the role', "SELECT set_config('role', 'none', false)"],
  ['notify as a function', "SELECT pg_notify('x', 'y')"],
  ['statistics reset', 'SELECT pg_stat_reset()'],
  ['reload', 'SELECT pg_reload_conf()'],
  ['read a file', "SELECT pg_read_file('/etc/hostname')"],
  ['list a folder', "SELECT pg_ls_dir('.')"],
  ['large object', "SELECT lo_import('/etc/hostname')"],
  ['large object, made', 'SELECT lo_create(0)'],
  ['a transaction number', 'SELECT txid_current()'],
  ['switch WAL', 'SELECT pg_switch_wal()'],
  ['logical message', "SELECT pg_logical_emit_message(true, 'a', 'b')"],
  ['query_to_xml', "SELECT query_to_xml('SELECT pg_advisory_lock(1)', true, true, '')"],
  [
    'query_to_xml in a condition',
    "SELECT 1 FROM victim WHERE name = query_to_xml('SELECT pg_advisory_lock(1)', true, true, '')::text",
  ],
  ['table_to_xml of a view', "SELECT table_to_xml('locks', true, true, '')"],
  ['ts_stat', "SELECT * FROM ts_stat('SELECT to_tsvector(name) FROM victim')"],
  ['crosstab', "SELECT * FROM crosstab('SELECT 1, 2, pg_advisory_lock(1)') AS x(a int, b int)"],
  ['dblink', "SELECT * FROM dblink('dbname=postgres', 'SELECT 1') AS x(a int)"],
  ['dblink_exec', "SELECT dblink_exec('dbname=postgres', 'CREATE TABLE hacked ()')"],
  ['a function that writes', 'SELECT writes(9001)'],
  ['a volatile function in WITH', 'WITH x AS MATERIALIZED (SELECT grabs(1)) SELECT * FROM x'],
  ['a volatile function in GROUP BY', 'SELECT count(*) FROM victim GROUP BY grabs(id)'],
  ['a stable function that lies', 'SELECT lies_stable(11)'],
  ['an immutable one that lies', 'SELECT lies_immutable(12)'],
  ['one in SQL that lies', 'SELECT lies_in_sql(13)'],
  ['one that lies by another', 'SELECT public.lies_by_another(14)'],
  ['one in the new way of SQL that lies', 'SELECT atomic(15)'],
  ['a policy', 'SELECT * FROM guarded'],
  ['a planned update of a function', 'UPDATE victim SET id = lies_immutable(16)'],
  ['one that makes statements up', 'SELECT makes_up(1)'],
  ['one that hides it in an assignment', 'SELECT assigns(1)'],
  ['one that is planned in its place', 'SELECT wraps(1)'],
  ['one that turns the time-out off', 'SELECT no_timeout(1)'],
  ["one with its owner's rights", 'SELECT other.definer(-1)'],
  ['one whose default locks', 'SELECT defaulted()'],
  ['a built-in one under another name', 'SELECT builtin_alias(2)'],
  ['a function that looks like a column', 'SELECT v.peek FROM victim v LIMIT 1'],
  ['the same, of a row', 'SELECT (v).peek FROM victim v LIMIT 1'],
  ['the same, in an index condition', 'SELECT 1 FROM victim v WHERE v.id = v.peek'],
  ['an operator', 'SELECT 1 ### 2'],
  ['an operator, qualified', 'SELECT 1 OPERATOR(public.###) 2'],
  [
    'an operator with ANY',
    'SELECT 1 WHERE (3 ### ANY (ARRAY[1, 2])) IS NULL'.replace('3 ###', '3 ###'),
  ],
  ['a cast to a domain', 'SELECT 5::checked'],
  ['a cast written as a call', 'SELECT checked(5)'],
  ['a cast in CAST', 'SELECT CAST(id AS checked) FROM victim'],
  ['an array of a domain', "SELECT '{1,2}'::checked[]"],
  ['a row with a domain', "SELECT '(5)'::holder"],
  ['a row from JSON', `SELECT json_populate_record(NULL::holder, '{"a": 5}')`],
  [
    "a table's row from JSON",
    `SELECT jsonb_populate_record(h, '{"a": 5}') FROM holds h RIGHT JOIN victim ON true`,
  ],
  ['columns from JSON', `SELECT * FROM jsonb_to_record('{"a": 5}') AS x(a checked)`],
  ['an aggregate', 'SELECT greedy(id) FROM victim'],
  ['an aggregate as a window', 'SELECT greedy(id) OVER () FROM victim'],
  ['a foreign table', 'SELECT * FROM outside'],
  ['a foreign partition', 'SELECT * FROM parted'],
  ['a view of the server that reads files', 'SELECT * FROM pg_hba_file_rules'],
  ['a cartesian join', 'SELECT count(*) FROM big a, big b, big c'],
  [
    'a long series',
    'SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000000000) b',
  ],
  ['a large text', "SELECT repeat('x', 1000000000)"],
  ['a large text, computed', "SELECT length(repeat('x', 1000 * 1000 * 1000))"],
  ['5000 parentheses around it', `SELECT ${'('.repeat(5000)}pg_sleep(1)${')'.repeat(5000)}`],
  ['3000 selects in each other', `SELECT ${'(SELECT '.repeat(3000)}1${')'.repeat(3000)}`],
  ['1 MB of nothing', `SELECT pg_sleep(1) -- ${'x'.repeat(999_000)}`],
  ['a quarter of a megabyte of sums', `SELECT ${'1+'.repeat(120_000)}1`],
  ['a comment as long as it may be', `SELECT pg_sleep(1) -- ${'x'.repeat(249_000)}`],
  ['1 MB of sums', `SELECT ${'1+'.repeat(499_000)}1`],
  ['no statement', '-- nothing'],
  ['no SQL', 'SELEC 1'],
  ['an unfinished text', "SELECT 'x"],
  ['a second statement behind a backslash', String.raw`SELECT 'a\'; DROP TABLE victim; --'`],
];

const HARMLESS: [string, string][] = [
  ['a scan', 'SELECT * FROM victim'],
  ['an index', "SELECT name FROM victim WHERE id = 5 AND name LIKE 'name%' ORDER BY at LIMIT 3"],
  ['table', 'TABLE quiet'],
  ['values', 'VALUES (1, now()), (2, now())'],
  [
    'aggregates',
    "SELECT kind, count(*), avg(id), string_agg(pad, ',') FROM big GROUP BY kind HAVING count(*) > 3 ORDER BY 2 DESC",
  ],
  ['windows', 'SELECT id, row_number() OVER (PARTITION BY kind ORDER BY id) FROM big LIMIT 5'],
  [
    'WITH',
    'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 50) SELECT sum(n) FROM r',
  ],
  ['JSON', `SELECT body->>'n', jsonb_array_length('[1]') FROM quiet WHERE body @> '{"n": 5}'`],
  ['arrays', "SELECT unnest(tags) FROM quiet WHERE 'a' = ANY (tags) AND id BETWEEN 1 AND 9"],
  [
    'LATERAL',
    'SELECT * FROM quiet q, LATERAL (SELECT id FROM victim v WHERE v.id = q.id LIMIT 1) x',
  ],
  [
    'times',
    "SELECT count(*) FROM victim WHERE at > now() - interval '1 day' AND extract(year FROM at) > 2000",
  ],
  ['random', 'SELECT random(), gen_random_uuid(), clock_timestamp()'],
  ['a view', 'SELECT * FROM fine WHERE twice > 10'],
  ['functions that only read', 'SELECT doubles(id), counts(1) FROM quiet LIMIT 2'],
  [
    'similarity',
    "SELECT similarity(name, 'name 1') FROM victim ORDER BY name <-> 'name 1' LIMIT 3",
  ],
  [
    'the catalogue',
    'SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema()',
  ],
  ['a set operation', 'SELECT id FROM victim EXCEPT SELECT id FROM quiet UNION SELECT 1'],
  ['a comment and a semicolon', 'SELECT 1 /* one */; -- done'],
];

type Victim = { admin: pg.Client; url: string; lowUrl: string };
async function victim(base: string, name: string): Promise<Victim> {
  const root = new pg.Client({ connectionString: base });
  await root.connect();
  await root.query(`CREATE DATABASE ${name}`);
  await root.query(`CREATE ROLE ${name}_low LOGIN PASSWORD 'low' IN ROLE pg_monitor`);
  await root.end();
  const url = new URL(base);
  url.pathname = `/${name}`;
  const admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  await admin.query(FIXTURE);
  // What the fixture wrote is counted before anything is compared.
  await admin.query('SELECT pg_stat_force_next_flush()');
  await admin.query(
    `GRANT USAGE ON SCHEMA public, other TO ${name}_low; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${name}_low`,
  );
  const low = new URL(url);
  low.username = `${name}_low`;
  low.password = 'low';
  return { admin, url: url.href, lowUrl: low.href };
}

/** Contents, sequences, objects, settings, and who holds what; the same before and after. */
async function state({ admin }: Victim): Promise<unknown> {
  const { rows } = await admin.query(`
    SELECT (SELECT md5(string_agg(v::text, '|' ORDER BY id)) FROM victim v) AS victim,
           (SELECT count(*) FROM quiet) AS quiet, (SELECT last_value::text || is_called::text FROM numbers) AS numbers,
           (SELECT md5(string_agg(relname || relkind::text, ',' ORDER BY oid)) FROM pg_class WHERE oid >= 16384) AS objects,
           (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects,
           (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS advisory,
           (SELECT count(*) FROM pg_db_role_setting) AS settings,
           (SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'wheelhouse %' AND datname = current_database()) AS connections,
           (SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE c.relname IN ('victim', 'quiet', 'big') AND l.pid <> pg_backend_pid()) AS locks,
           (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::text FROM pg_stat_user_tables) AS written`);
  return rows[0];
}

describe.each(['15', '18'])('PostgreSQL %s', (version) => {
  let prepared: Victim;
  beforeAll(async () => {
    prepared = await victim(
      version === '15' ? postgres15.url : inject('postgresUrl'),
      `explained_${version}`,
    );
  });
  afterAll(async () => {
    await prepared.admin.end();
    if (version === '18') {
      const root = new pg.Client({ connectionString: inject('postgresUrl') });
      await root.connect();
      await root.query('DROP DATABASE IF EXISTS explained_18 WITH (FORCE)');
      await root.query('DROP ROLE IF EXISTS explained_18_low');
      await root.end();
    }
  });

  // Who may less is refused no less; one server is enough to see it.
  describe.each(version === '15' ? ['superuser'] : ['superuser', 'low role'])('as a %s', (role) => {
    const ask = (input: Omit<ExplainInput, 'databaseId'>) =>
      createExplain({
        db,
        workers,
        targets,
        find: async () => ({
          id: `${version}-${role}`,
          url: role === 'superuser' ? prepared.url : prepared.lowUrl,
        }),
      }).explain({ databaseId: 'x', ...input });

    test.each(HOSTILE)('%s is not run, and nothing is changed', async (_name, sql) => {
      const before = await state(prepared);
      const answer = await ask({ sql, analyze: true });
      expect(answer).toMatchObject({ analyzed: false, refused: expect.any(String) });
      expect(answer.refused).toMatch(/^[A-Z].*\.$/s);
      expect(await state(prepared)).toEqual(before);
    });

    test.each(HARMLESS)('%s is run', async (_name, sql) => {
      const before = await state(prepared);
      const answer = await ask({ sql, analyze: true });
      expect(answer.refused).toBeNull();
      expect(answer.analyzed).toBe(true);
      expect(answer.plan?.root.actual).not.toBeNull();
      expect(answer.plan?.executionMs).toBeGreaterThan(0);
      expect(await state(prepared)).toEqual(before);
    });
  });
});

describe('on one database', () => {
  let prepared: Victim;
  beforeAll(async () => {
    prepared = await victim(postgres15.url, 'explained_more');
  });
  afterAll(() => prepared.admin.end());
  const explain = (input: Omit<ExplainInput, 'databaseId'>, signal?: AbortSignal) =>
    createExplain({
      db,
      workers,
      targets,
      find: async () => ({ id: 'more', url: prepared.url }),
    }).explain({ databaseId: 'x', ...input }, signal);

  test('without values it is planned for any value; with values for these', async () => {
    const sql = 'SELECT * FROM big WHERE kind = $1 AND pad LIKE $2 LIMIT $3';
    const generic = await explain({ sql });
    expect(generic).toMatchObject({ refused: null, generic: true, analyzed: false, parameters: 3 });
    expect(generic.text).toContain('$1');
    const custom = await explain({ sql, params: ['5', 'x%', '3'], analyze: true });
    expect(custom).toMatchObject({ refused: null, generic: false, analyzed: true });
    expect(custom.text).toContain('kind = 5');
    expect(custom.plan?.root.actual?.rows).toBe(3);
    expect(await explain({ sql, analyze: true })).toMatchObject({
      refused: 'It was not run: give a value for each of its 3 parameters.',
      generic: true,
    });
    expect(
      (await explain({ sql, params: ["5'; DROP TABLE victim; --", 'x', '1'] })).refused,
    ).toMatch(/invalid input syntax/);
    await expect(explain({ sql, params: ['1'] })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(
      (await explain({ sql: 'SELECT lpad(name, $1) FROM victim', params: ['1000000000'] })).refused,
    ).toMatch(/length/);
  });

  test.each([
    ['SELECT $1::checked', ['5']],
    ['SELECT CAST($1 AS checked[])', ['{5}']],
    ['SELECT $1::holder', ['(5)']],
    ['INSERT INTO holds VALUES ($1)', ['5']],
    ['UPDATE holds SET a = $1', ['5']],
    ['SELECT * FROM holds WHERE a = $1', ['5']],
  ])('a value for a parameter runs the checks of its type: %s', async (sql, params) => {
    const before = await state(prepared);
    for (const input of [{ sql }, { sql, params }, { sql, params, analyze: true }]) {
      expect((await explain(input)).refused).toMatch(
        /grabs\(\), which is volatile.*\(in a check of the type checked\)/,
      );
      expect(await state(prepared)).toEqual(before);
    }
    expect((await explain({ sql: sql.replace('$1', '5::int') })).plan === null).toBe(
      sql.includes('checked[]') || sql.includes('holder'),
    );
    expect(await state(prepared)).toEqual(before);
  });

  test('writes are planned and nothing more', async () => {
    const before = await state(prepared);
    const answer = await explain({ sql: "UPDATE victim SET name = 'x' WHERE id = 4" });
    expect(answer).toMatchObject({ refused: null, analyzed: false });
    expect(answer.plan?.root.label).toBe('Update on victim');
    expect(await state(prepared)).toEqual(before);
  });

  test('one at a time, and a lock is not waited for', async () => {
    const busy = await withLock(db.pool, 'queries.analyze.more', () =>
      explain({ sql: 'SELECT 1', analyze: true }),
    );
    expect(busy?.refused).toMatch(/another one is being run/);
    await prepared.admin.query('BEGIN; LOCK TABLE quiet IN ACCESS EXCLUSIVE MODE');
    expect((await explain({ sql: 'SELECT * FROM quiet' })).refused).toMatch(
      /lock stood in its way/,
    );
    await prepared.admin.query('ROLLBACK');
  });

  test('who goes away ends what runs', async () => {
    const gone = new AbortController();
    const running = expect(
      explain(
        {
          sql: 'SELECT count(*) FROM (SELECT 1 FROM big a, generate_series(1, 400) b OFFSET 0) x, generate_series(1, 1) y, (SELECT sum(sqrt(i)) FROM generate_series(1, 9000000) i) z',
          analyze: true,
        },
        gone.signal,
      ),
    ).rejects.toThrow();
    const standing = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = 'explained_more' AND application_name = 'wheelhouse explain'`;
    await vi.waitFor(
      async () => {
        const { rows } = await prepared.admin.query(
          `${standing} AND query LIKE 'EXPLAIN%ANALYZE%' AND state = 'active'`,
        );
        expect(rows[0]).toEqual({ n: 1 });
      },
      { timeout: 10_000, interval: 10 },
    );
    gone.abort();
    await running;
    await vi.waitFor(
      async () => expect((await prepared.admin.query(standing)).rows[0]).toEqual({ n: 0 }),
      { timeout: 10_000 },
    );
  });

  test('a cast that nobody names, and a function in front of the built-in ones, are seen', async () => {
    await prepared.admin.query(`CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO explained_more_low;
      CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM pg_advisory_lock(1); RETURN $1; END$$;
      CREATE FUNCTION evil.same(name, text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$BEGIN PERFORM pg_advisory_lock(2); RETURN true; END$$;
      ALTER ROLE explained_more_low SET search_path = evil, pg_catalog, public`);
    const low = createExplain({
      db,
      workers,
      targets,
      find: async () => ({ id: 'more', url: prepared.lowUrl }),
    });
    const before = await state(prepared);
    const ask = (sql: string) => low.explain({ databaseId: 'x', sql, analyze: true });
    expect((await ask('SELECT lower(name) FROM public.victim')).refused).toMatch(
      /evil\.lower\(\), which is volatile/,
    );
    await prepared.admin.query(
      'CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.same)',
    );
    expect((await ask("SELECT 1 FROM pg_class WHERE relname = 'x'::text")).refused).toMatch(
      /pg_advisory_lock/,
    );
    expect(await state(prepared)).toEqual(before);
    await prepared.admin.query(`ALTER ROLE explained_more_low RESET search_path; DROP SCHEMA evil CASCADE;
      CREATE FUNCTION to_number(holder) RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM pg_advisory_lock(1); RETURN 1; END$$;
      CREATE CAST (holder AS int) WITH FUNCTION to_number(holder) AS IMPLICIT`);
    const now = await state(prepared);
    const { refused } = await explain({
      sql: 'SELECT 1 + h.x FROM (SELECT NULL::holder AS x) h',
      analyze: true,
    });
    expect(refused).toMatch(/volatile.*\(in a cast to integer\)/);
    expect(await state(prepared)).toEqual(now);
  });
});
