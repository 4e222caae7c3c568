/**
 * What a role and a server lack for slow queries to be seen, each with the statement that mends it and the reason. Reads
 * settings and rights alone; changes nothing.
 */
import { MARK, OLDEST_EXTENSION, OLDEST_SERVER } from './collect/read.ts';
import type { SetupCheck } from './contract.ts';
import { troubleOf } from './problems.ts';
import type { TargetSession } from './targets.ts';

const NEWEST_SERVER = 190_000;

type Seen = {
  role: string;
  database: string;
  version: string;
  stats: boolean;
  monitor: boolean;
  reads_files: boolean;
  unreadable: number;
  writable: number;
  schemas: string[];
  extension: string | null;
  extension_schema: string | null;
  newest: string | null;
  hypopg: string | null;
  hypopg_available: boolean;
  settings: Record<string, string>;
};

const SQL = `SELECT ${MARK} quote_ident(current_user) AS role, quote_ident(current_database()) AS database,
    split_part(current_setting('server_version'), ' ', 1) AS version,
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS stats, pg_has_role(current_user, 'pg_monitor', 'USAGE') AS monitor,
    has_function_privilege(current_user, 'pg_read_binary_file(text,bigint,bigint,boolean)', 'EXECUTE') AS reads_files,
    t.unreadable, t.writable, t.schemas, e.extversion AS extension, quote_ident(en.nspname) AS extension_schema, a.default_version AS newest,
    h.extversion AS hypopg, ha.name IS NOT NULL AS hypopg_available,
    (SELECT coalesce(jsonb_object_agg(name, setting), '{}') FROM pg_catalog.pg_settings WHERE name IN (
       'shared_preload_libraries', 'track_io_timing', 'compute_query_id', 'pg_stat_statements.track', 'pg_stat_statements.max',
       'auto_explain.log_min_duration', 'auto_explain.log_format', 'logging_collector', 'log_destination')) AS settings
  FROM (SELECT count(*) FILTER (WHERE NOT readable)::int AS unreadable, count(*) FILTER (WHERE writable)::int AS writable,
               coalesce(array_agg(DISTINCT quote_ident(schema)) FILTER (WHERE NOT readable), '{}')::text[] AS schemas
        FROM (SELECT n.nspname AS schema,
                     has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
                     has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS writable
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
              LIMIT 20000) AS each) AS t
  LEFT JOIN pg_catalog.pg_extension e ON e.extname = 'pg_stat_statements'
  LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.extnamespace
  LEFT JOIN pg_catalog.pg_available_extensions a ON a.name = 'pg_stat_statements'
  LEFT JOIN pg_catalog.pg_extension h ON h.extname = 'hypopg'
  LEFT JOIN pg_catalog.pg_available_extensions ha ON ha.name = 'hypopg'`;

export type Setup = { version: string; checks: SetupCheck[] };

export async function readSetup(
  session: TargetSession,
  options: { own: boolean; applies: boolean },
): Promise<Setup> {
  const [seen] = await session.query<Seen>(SQL);
  if (!seen) throw new Error('the server said nothing of itself');
  const checks: (SetupCheck | null)[] = [
    ofServer(session, seen),
    ofSuperuser(session, seen, options.own),
    ofRights(session, seen),
    await ofStatements(session, seen),
    ofTracking(seen),
    ofReading(session, seen),
    ofTiming(seen),
    ofHypopg(seen),
    ofPlans(session, seen),
    options.own ? null : ofWriting(seen, session),
    ofApplying(seen, options),
  ];
  return { version: seen.version, checks: checks.filter((check) => check !== null) };
}

const good = (id: string, title: string, detail: string, why: string): SetupCheck => ({
  id,
  title,
  state: 'ok',
  detail,
  why,
  statement: null,
});

function ofServer({ serverVersion }: TargetSession, { version }: Seen): SetupCheck {
  const why = 'PostgreSQL 13 to 18 are read; older ones name their counters differently.';
  const check = good('server', 'Server', `PostgreSQL ${version}.`, why);
  if (serverVersion < OLDEST_SERVER)
    return {
      ...check,
      state: 'missing',
      detail: `PostgreSQL ${version} is too old; 13 is the oldest that is read.`,
    };
  if (serverVersion >= NEWEST_SERVER)
    return { ...check, state: 'warning', detail: `PostgreSQL ${version} was not tried yet.` };
  return check;
}

function ofSuperuser({ superuser }: TargetSession, { role }: Seen, own: boolean): SetupCheck {
  const why = 'What the role may not do, no mistake and no stolen URL can do either.';
  const check = good('role', 'Role', `${role} is no superuser.`, why);
  if (!superuser) return check;
  if (own) return { ...check, detail: `${role} is the console’s own role.` };
  return {
    ...check,
    state: 'warning',
    detail: `${role} is a superuser. All work here is read-only, but a role that only reads is safer.`,
    statement: `CREATE ROLE wheelhouse LOGIN PASSWORD '…';\nGRANT pg_monitor TO wheelhouse;`,
  };
}

function ofRights({ superuser }: TargetSession, { role, stats, monitor }: Seen): SetupCheck {
  const why = 'Without it the statements of other roles have no text and no number.';
  const title = 'Statistics of all roles';
  if (superuser || stats)
    return good('pg_monitor', title, monitor ? 'Has pg_monitor.' : 'Has pg_read_all_stats.', why);
  return {
    id: 'pg_monitor',
    title,
    state: 'missing',
    detail: `${role} sees its own statements only.`,
    why,
    statement: `GRANT pg_monitor TO ${role};`,
  };
}

async function ofStatements(session: TargetSession, seen: Seen): Promise<SetupCheck> {
  const id = 'pg_stat_statements';
  const title = 'pg_stat_statements';
  const why = 'It counts calls, time and blocks of every statement. All figures come from it.';
  const missing = (detail: string, statement: string): SetupCheck => ({
    id,
    title,
    state: 'missing',
    detail,
    why,
    statement,
  });
  const preload = seen.settings['shared_preload_libraries'];
  const load = `ALTER SYSTEM SET shared_preload_libraries = '${[
    ...(preload ?? '').split(',').map((name) => name.trim()),
    'pg_stat_statements',
  ]
    .filter((name, n, all) => name !== '' && all.indexOf(name) === n)
    .join(', ')}';\n-- then restart the server`;
  if (preload !== undefined && !/\bpg_stat_statements\b/.test(preload))
    return missing(
      'The server does not load it.',
      seen.extension === null ? `${load}\nCREATE EXTENSION pg_stat_statements;` : load,
    );
  if (seen.extension === null) {
    return missing(
      seen.newest === null
        ? 'The server’s packages do not have it (postgresql-contrib).'
        : `The extension is not installed in ${seen.database}.`,
      'CREATE EXTENSION pg_stat_statements;',
    );
  }
  const [major = 0, minor = 0] = seen.extension.split('.').map(Number);
  const update = 'ALTER EXTENSION pg_stat_statements UPDATE;';
  if (major * 100 + minor < OLDEST_EXTENSION)
    return missing(
      `Version ${seen.extension} is too old; the server brings ${seen.newest}.`,
      update,
    );
  try {
    await session.query(
      `SELECT ${MARK} count(*) FROM ${seen.extension_schema}.pg_stat_statements(false)`,
    );
  } catch (error) {
    const { problem, detail } = troubleOf(error);
    if (problem === 'statistics') return missing('The server does not load it.', load);
    if (problem === 'rights')
      return missing(
        `${seen.role} may not read it.`,
        `GRANT USAGE ON SCHEMA ${seen.extension_schema} TO ${seen.role};\nGRANT EXECUTE ON FUNCTION ${seen.extension_schema}.pg_stat_statements(boolean) TO ${seen.role};`,
      );
    return missing(detail, load);
  }
  if (seen.newest !== null && seen.newest !== seen.extension)
    return {
      ...good(id, title, `Version ${seen.extension}; the server brings ${seen.newest}.`, why),
      state: 'warning',
      statement: update,
    };
  return good(id, title, `Version ${seen.extension}.`, why);
}

function ofTracking({ settings }: Seen): SetupCheck | null {
  const track = settings['pg_stat_statements.track'];
  const id = settings['compute_query_id'];
  const why = 'A statement without a query id is not counted.';
  if (track === 'none' || id === 'off') {
    const name = track === 'none' ? 'pg_stat_statements.track' : 'compute_query_id';
    return {
      id: 'tracking',
      title: 'Counting',
      state: 'missing',
      detail: `${name} is ${track === 'none' ? 'none' : 'off'}.`,
      why,
      statement: `ALTER SYSTEM SET ${name} = '${track === 'none' ? 'top' : 'auto'}';\nSELECT pg_reload_conf();`,
    };
  }
  return track === undefined
    ? null
    : good('tracking', 'Counting', `Statements are counted (${track}).`, why);
}

function ofReading({ superuser, serverVersion }: TargetSession, seen: Seen): SetupCheck {
  const why = 'PostgreSQL explains a statement only to a role that may read its tables.';
  const title = 'Reading tables';
  if (superuser || seen.unreadable === 0)
    return good('select', title, 'All tables may be read.', why);
  return {
    id: 'select',
    title,
    state: 'missing',
    detail: `${seen.unreadable} tables or views may not be read: their statements are counted, but have no plan and no advice.`,
    why,
    statement:
      serverVersion >= 140_000
        ? `GRANT pg_read_all_data TO ${seen.role};`
        : seen.schemas
            .slice(0, 20)
            .map(
              (schema) =>
                `GRANT USAGE ON SCHEMA ${schema} TO ${seen.role};\nGRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${seen.role};\nALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT ON TABLES TO ${seen.role};`,
            )
            .join('\n'),
  };
}

function ofTiming({ settings }: Seen): SetupCheck {
  const why = 'It tells time on disk from time in the processor.';
  const title = 'track_io_timing';
  if (settings['track_io_timing'] === 'on') return good('track_io_timing', title, 'On.', why);
  return {
    id: 'track_io_timing',
    title,
    state: 'warning',
    detail: 'Off: reads are counted, but not timed.',
    why,
    statement: 'ALTER SYSTEM SET track_io_timing = on;\nSELECT pg_reload_conf();',
  };
}

function ofHypopg({ hypopg, hypopg_available }: Seen): SetupCheck {
  const why = 'With it the planner itself says what an index would save, before it is made.';
  if (hypopg !== null) return good('hypopg', 'HypoPG', `Version ${hypopg}.`, why);
  return {
    id: 'hypopg',
    title: 'HypoPG',
    state: 'optional',
    detail: hypopg_available
      ? 'Not installed in this database: advice is an estimate.'
      : 'The server’s packages do not have it: advice is an estimate. In Debian it is postgresql-NN-hypopg.',
    why,
    statement: 'CREATE EXTENSION hypopg;',
  };
}

function ofPlans({ superuser }: TargetSession, { role, settings, reads_files }: Seen): SetupCheck {
  const id = 'auto_explain';
  const title = 'auto_explain';
  const why = 'Plans of slow calls as they really ran, from the server’s log.';
  const wanted: [string, string][] = [
    ['auto_explain.log_min_duration', '100'],
    ['auto_explain.log_format', 'json'],
    ['logging_collector', 'on'],
  ];
  const loaded = settings['auto_explain.log_min_duration'];
  const optional = (detail: string, statement: string): SetupCheck => ({
    id,
    title,
    state: 'optional',
    detail,
    why,
    statement,
  });
  if (loaded === undefined || loaded === '-1')
    return optional(
      'Not in use: plans are made when somebody asks for them.',
      `${loaded === undefined ? `ALTER SYSTEM SET session_preload_libraries = 'auto_explain';\n` : ''}${wanted
        .slice(0, 2)
        .map(([name, value]) => `ALTER SYSTEM SET ${name} = '${value}';`)
        .join('\n')}\nSELECT pg_reload_conf();`,
    );
  if (settings['auto_explain.log_format'] !== 'json')
    return optional(
      'Plans are logged, but not as JSON, which is what can be read.',
      `ALTER SYSTEM SET auto_explain.log_format = 'json';\nSELECT pg_reload_conf();`,
    );
  if (settings['logging_collector'] !== 'on')
    return optional(
      'Plans are logged to a place that cannot be read from here.',
      'ALTER SYSTEM SET logging_collector = on;\n-- then restart the server',
    );
  if (!superuser && !reads_files)
    return optional(
      'Plans are logged; the role may not read the log. The right to read it opens every file of the data folder to the role.',
      `GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO ${role};`,
    );
  return good(id, title, `Calls of more than ${loaded} ms are logged with their plan.`, why);
}

function ofWriting({ role, writable }: Seen, { superuser }: TargetSession): SetupCheck {
  const why = 'The console reads only. A role that cannot write keeps it so whatever happens.';
  if (superuser || writable === 0)
    return good(
      'read-only',
      'Read only',
      superuser ? 'See the role.' : 'The role writes nowhere.',
      why,
    );
  return {
    id: 'read-only',
    title: 'Read only',
    state: 'warning',
    detail: `The role may write to ${writable} tables.`,
    why,
    statement: `REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public FROM ${role};`,
  };
}

function ofApplying(
  { database }: Seen,
  { own, applies }: { own: boolean; applies: boolean },
): SetupCheck {
  const why = 'An approved index is created by a role of its own, which needs to own the table.';
  if (own || applies)
    return good('apply', 'Role for indexes', own ? 'The console’s own role.' : 'Given.', why);
  return {
    id: 'apply',
    title: 'Role for indexes',
    state: 'optional',
    detail: 'None: advice can be copied, not applied.',
    why,
    statement: `CREATE ROLE wheelhouse_apply LOGIN PASSWORD '…';\nGRANT CONNECT ON DATABASE ${database} TO wheelhouse_apply;\n-- the role that owns the tables:\nGRANT owner_of_the_tables TO wheelhouse_apply;`,
  };
}
