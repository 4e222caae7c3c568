/**
 * Policies: which key, person, role, token or agent may call which tool in which scope. Deny wins over allow, then the default.
 *
 * The rules stand in PostgreSQL and are decided by in memory, compiled into an index by subject, tool and scope. They are read
 * again when a replica says that they changed, and compared with the stored ones each second. While PostgreSQL is away the
 * last ones hold; before the first reading changes are refused. Every procedure asks them after the role and the scopes;
 * agents ask through `policies.decide`, which also looks whether the credential still counts. A decision is counted in
 * memory and written as samples of `policy_decisions`; denials are kept with their reason.
 */
export { policiesJobs } from './jobs.ts';
export { policiesRouter } from './router.ts';
export { createPolicies, type Policies } from './service.ts';
