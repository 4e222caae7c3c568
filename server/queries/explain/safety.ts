/**
 * Which functions may run inside EXPLAIN ANALYZE, from what `pg_proc` says of them. Pure.
 *
 * PostgreSQL's own are trusted to be what they are declared as, but for those that are declared harmless and are not. Those of
 * extensions are trusted when the extension is known. What anybody else wrote is looked into (`judge.ts`).
 */

/** OIDs below this are PostgreSQL's own. */
export const FIRST_OWN_OID = 16_384;

/** VOLATILE only because their answer changes. */
const HARMLESS = new Set(
  `clock_timestamp current_query gen_random_uuid pg_blocking_pids pg_current_wal_flush_lsn pg_current_wal_insert_lsn
  pg_current_wal_lsn pg_database_size pg_indexes_size pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn
  pg_last_xact_replay_timestamp pg_lock_status pg_partition_ancestors pg_partition_tree pg_prepared_xact pg_relation_size
  pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls pg_stat_get_xact_numscans
  pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched pg_stat_get_xact_tuples_hot_updated
  pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_table_size
  pg_total_relation_size pg_xact_status random random_normal timeofday uuidv4 uuidv7`.split(/\s+/),
);
/** STABLE or IMMUTABLE as they are declared, but they run a text, read whole schemas, or take a transaction's number. */
const FORBIDDEN =
  /^(query_to_xml|cursor_to_xml|table_to_xml|schema_to_xml|database_to_xml)|^(txid_current|pg_current_xact_id|ts_stat|ts_rewrite|pg_sleep\w*|set_config|setseed|dblink\w*|lo_\w+|lowrite|loread|pg_read_\w+|pg_ls_\w+|pg_stat_file|pg_logical_\w+|pg_(try_)?advisory_\w+|pg_notify|pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_stat_reset\w*|pg_stat_statements_reset|nextval|setval|currval|lastval)$/;
/** `ts_rewrite(query, query, query)` runs no text, but its sibling does. */
const RUNS_TEXT = 'ts_rewrite';

/** Extensions whose functions do what they are declared as. Others may reach out, as dblink does. */
const KNOWN = new Set(
  `btree_gin btree_gist citext cube earthdistance fuzzystrmatch hstore intarray isn ltree pg_trgm pgcrypto seg unaccent
  uuid-ossp vector postgis postgis_topology postgis_raster h3 rum pg_stat_statements pg_buffercache tsm_system_rows
  tsm_system_time timescaledb citus`.split(/\s+/),
);
const HARMLESS_OF_EXTENSIONS = new Set(
  `uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 gen_random_bytes gen_random_uuid gen_salt pg_stat_statements
  pg_stat_statements_info pg_buffercache_pages`.split(/\s+/),
);

export type Declared = {
  oid: number;
  schema: string;
  name: string;
  /** i, s or v */
  volatility: string;
  language: string;
  extension: string | null;
};
export type Verdict = 'fine' | 'look inside' | { refuse: string };

/** `analyze`: it would run; otherwise the planner may run it only when it is not VOLATILE. */
export function judgeFunction(declared: Declared, analyze: boolean): Verdict {
  const { oid, name, volatility, language, extension } = declared;
  const shown = labelOf(declared);
  const builtIn = oid < FIRST_OWN_OID;
  const runs = analyze || volatility !== 'v';
  if (builtIn) {
    if (!runs) return 'fine';
    if (FORBIDDEN.test(name) && !(name === RUNS_TEXT && volatility !== 'v'))
      return { refuse: `it calls ${shown}, ${whatItDoes(name)}` };
    if (volatility === 'v' && !HARMLESS.has(name))
      return { refuse: `it calls ${shown}, which is volatile: it may change something` };
    return 'fine';
  }
  if (extension) {
    if (!runs) return 'fine';
    if (!KNOWN.has(extension))
      return {
        refuse: `it calls ${shown} of the extension ${extension}, which is not known to be harmless`,
      };
    if (volatility === 'v' && !HARMLESS_OF_EXTENSIONS.has(name))
      return { refuse: `it calls ${shown}, which is volatile: it may change something` };
    return 'fine';
  }
  if (volatility === 'v' && analyze)
    return { refuse: `it calls ${shown}, which is volatile: it may change something` };
  if (language === 'sql' || (language === 'plpgsql' && volatility !== 'v')) return 'look inside';
  if (!runs) return 'fine';
  return { refuse: `it calls ${shown}, a function in ${language} that cannot be looked into` };
}

export const labelOf = ({ schema, name }: { schema: string; name: string }): string =>
  schema === 'pg_catalog' || schema === 'public' ? `${name}()` : `${schema}.${name}()`;

function whatItDoes(name: string): string {
  if (/sleep/.test(name)) return 'which waits';
  if (/advisory/.test(name)) return 'which takes a lock that outlives the transaction';
  if (/_to_xml|ts_stat|ts_rewrite/.test(name)) return 'which runs or reads what a text says';
  if (/read_|ls_|stat_file|^lo_|lo(read|write)|lowrite/.test(name))
    return 'which reaches files or large objects';
  if (/txid|xact_id/.test(name)) return 'which uses up a transaction number';
  if (/set_config|setseed/.test(name)) return 'which changes settings';
  if (/val$/.test(name)) return 'which works on a sequence';
  return 'which has effects outside the transaction';
}

/** OIDs that stand in a stored tree (`pg_node_tree` as text): what a view, a default or a constraint calls and reads. */
export type Named = {
  functions: number[];
  operators: number[];
  types: number[];
  relations: number[];
  /** What it does beside reading. */
  effect: string | null;
};

export function readStoredTree(tree: string): Named {
  const numbers = (pattern: RegExp) =>
    [...tree.matchAll(pattern)].flatMap(([, found = '']) =>
      found
        .split(/\s+/)
        .map(Number)
        .filter((oid) => oid > 0),
    );
  let effect: string | null = null;
  if (/:commandType [2-6]\b/.test(tree)) effect = 'it changes rows';
  if (/:(hasForUpdate|hasModifyingCTE) true/.test(tree)) effect ??= 'it locks or changes rows';
  if (/\{NEXTVALUEEXPR/.test(tree)) effect ??= 'it takes numbers from a sequence';
  return {
    functions: numbers(
      /:(?:funcid|opfuncid|aggfnoid|winfnoid|hashfuncid|negfuncid|elemfuncid|tsmhandler) (\d+)/g,
    ),
    operators: [
      ...numbers(/:(?:opno|eqop|sortop|minmaxop|sortOperator|eqOperator) (\d+)/g),
      ...numbers(/:opnos \(o ([\d ]+)\)/g),
    ],
    types: numbers(/:(?:resulttype|targettype|resulttypeId) (\d+)/g),
    relations: numbers(/:relid (\d+)/g),
    effect,
  };
}
