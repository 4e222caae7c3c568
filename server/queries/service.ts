/** Builds the parts of the module, in the order in which they need each other. */
import type { Incidents } from '../incidents/index.ts';
import type { AddressGuard } from '../platform/addresses.ts';
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { Workers } from '../platform/workers/index.ts';
import { type Connections, createConnections } from './connections.ts';
import { createProcedureCosts, type ProcedureCosts } from './costs.ts';
import { createExplain, type Explain } from './explain/service.ts';
import { type Advising, createAdvising } from './loop/advising.ts';
import { createFigures } from './loop/figures.ts';
import { createLoop, type Loop } from './loop/service.ts';
import { createStatements, type Statements } from './statement/service.ts';
import { createTargets, type Targets } from './targets.ts';
import { createWatching, type Watching } from './watching.ts';

export type Queries = {
  targets: Targets;
  statements: Statements;
  watching: Watching;
  explain: Explain;
  advising: Advising;
  loop: Loop;
  procedureCosts: ProcedureCosts;
  connections: Connections;
  /** On every role. */
  listen(): void;
  /** Not on `ROLE=web`. */
  start(): void;
  close(): Promise<void>;
};

export function createQueries(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  secrets: Secrets;
  workers: Workers;
  addresses: AddressGuard;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  /** Of the console's own database, which is watched from the start. */
  databaseUrl: string;
  /** This process, told from other replicas. */
  replica: string;
  /** Console processes. */
  replicas: () => number;
}): Queries {
  const targets = createTargets(deps);
  const statements = createStatements(deps);
  const watching = createWatching({ ...deps, targets, statements });
  const { databases, workloads } = watching;
  const find = async (id: string) => (await databases.find(id)).target;
  const explain = createExplain({ ...deps, targets, find });
  const advising = createAdvising({ targets, statements, workloads, explain, find });
  const loop = createLoop({
    ...deps,
    targets,
    applyTarget: databases.applyTarget,
    advise: advising.ofWorkload,
    figures: createFigures(deps.db),
    look: (id) => watching.collector.look(id),
    watched: async () => (await databases.all()).filter(({ lastAt }) => lastAt).map(({ id }) => id),
  });
  return {
    targets,
    statements,
    watching,
    explain,
    advising,
    loop,
    procedureCosts: createProcedureCosts(deps.db),
    connections: createConnections({ targets, find }),
    listen: watching.listen,
    start() {
      watching.start();
      loop.start();
    },
    async close() {
      await loop.close();
      await watching.close();
    },
  };
}
