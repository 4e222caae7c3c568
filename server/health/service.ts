/** Puts the parts of the module together. */
import type { NamedCommand } from '../config.ts';
import type { Incidents } from '../incidents/index.ts';
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { createHttpClient, type HttpClient } from '../platform/http-client.ts';
import type { Log } from '../platform/log.ts';
import type { Secrets } from '../platform/secrets.ts';
import { createProber } from './checks/index.ts';
import type { HealthReport } from './contract.ts';
import { createControl, type FleetControl } from './control.ts';
import { createEngine, type Engine } from './engine.ts';
import { createHealing, type Healing } from './healing.ts';
import { createHeartbeats, type Heartbeats } from './heartbeat.ts';
import { createHistory, type HistoryService } from './history.ts';
import { createMaintenance, type Maintenance } from './maintenance.ts';
import { createOnline } from './online.ts';
import { createRemedies } from './remedies/index.ts';
import { createReport, type OwnFigures } from './report.ts';
import { createSelfCare, type Mender, type Reliever } from './self-care.ts';
import { createShards } from './shards.ts';
import { createTargets, type Targets } from './targets.ts';
import { createViews, type Views } from './views.ts';

// A connection outlives the pause between two checks at the usual interval.
const KEEP_ALIVE_MS = 65_000;

export type Health = {
  targets: Targets;
  views: Views;
  history: HistoryService;
  healing: Healing;
  maintenance: Maintenance;
  control: FleetControl;
  heartbeats: Heartbeats;
  report: () => Promise<HealthReport>;
  commands: () => string[];
  engine: Engine;
  /** Begins to check and to heal; not on `ROLE=web`. */
  start(): Promise<void>;
  close(): Promise<void>;
};

export function createHealth(deps: {
  db: Db;
  databaseUrl: string;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  secrets: Secrets;
  incidents: Incidents;
  /** Through breakers; checks are their own trials and go without. */
  remedyHttp: HttpClient;
  own: () => Promise<OwnFigures>;
  commands: Readonly<Record<string, NamedCommand>>;
  dockerSocket: string;
  connectivityTargets: readonly string[] | undefined;
  checkConcurrency: number;
  remediesMax: number;
  /** What frees memory of this process when it runs short. */
  relievers: readonly Reliever[];
  /** What of this process may fall behind what is stored. */
  menders?: readonly Mender[];
  onCheck?: (outcome: 'ok' | 'failed', lagSeconds: number) => void;
}): Health {
  const http = createHttpClient({
    keepAliveTimeoutMs: KEEP_ALIVE_MS,
    addresses: deps.remedyHttp.addresses,
  });
  const prober = createProber({ http, clock: deps.clock });
  const remedies = createRemedies({ ...deps, http: deps.remedyHttp });
  const healing = createHealing({ ...deps, remedies, maxRunning: deps.remediesMax });
  const maintenance = createMaintenance(deps);
  const calendar = maintenance.calendar();
  const history = createHistory(deps);
  const engine = createEngine({
    ...deps,
    healing,
    prober,
    online: createOnline(deps.connectivityTargets),
    shards: createShards({ url: deps.databaseUrl, log: deps.log }),
    calendar,
    history,
    maxRunning: deps.checkConcurrency,
  });
  const selfCare = createSelfCare(deps);
  // For replicas that only answer pages, and so have no engine that would read it.
  const viewCalendar = maintenance.calendar();
  let seenAt = Number.NEGATIVE_INFINITY;
  const fresh = {
    covers: viewCalendar.covers,
    async refresh() {
      if (deps.clock.monotonicMs() - seenAt < 1_000) return;
      await viewCalendar.refresh();
      seenAt = deps.clock.monotonicMs();
    },
  };
  return {
    targets: createTargets({ ...deps, prober, remedies }),
    views: createViews({ ...deps, calendar: fresh, healing }),
    history,
    healing,
    maintenance,
    control: createControl(deps),
    heartbeats: createHeartbeats(deps),
    report: createReport(deps),
    commands: remedies.commands,
    engine,
    async start() {
      selfCare.start();
      await engine.start();
    },
    async close() {
      selfCare.close();
      await engine.close();
      await healing.close();
      await http.close();
    },
  };
}
