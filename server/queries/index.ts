/**
 * Slow queries: which statements of a PostgreSQL cost the most, why, and what would help, with proof.
 *
 * Each watched database is looked at once a minute: what `pg_stat_statements` counted since the last look, by the
 * fingerprint of PostgreSQL's own parser, never negative and never counted twice. Single calls come from the console's
 * pool, from spans over OTLP, and from auto_explain. Everything on a watched database is read-only, time-limited and by at
 * most two connections; values of parameters are kept only where somebody says so.
 */
export { advise, type Reader } from './advisor/advise.ts';
export { nodesOf, type PlanNode } from './advisor/plan.ts';
export type { Workload, WorkloadStatement } from './advisor/workload.ts';
export type { Advice } from './contract.ts';
export { queriesJobs } from './jobs.ts';
export { queriesRouter } from './router.ts';
export { createQueries, type Queries } from './service.ts';
export { createStatements } from './statement/service.ts';
export type { TargetSession } from './targets.ts';
