import type { Incidents } from '../incidents/index.ts';
import type { Models } from '../models/index.ts';
import type { Audit } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { Workers } from '../platform/workers/index.ts';
import type { Comparer } from './compare.ts';
import { createMonitors, type Monitors } from './watch/monitors.ts';
import { createReferences, type References } from './watch/references.ts';
import { createRunner } from './watch/runs.ts';
import { createUploads, type Uploads } from './watch/uploads.ts';

export type Drift = {
  references: References;
  uploads: Uploads;
  monitors: Monitors;
  close(): Promise<void>;
};

export function createDrift(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  bus: Bus;
  log: Log;
  workers: Workers;
  comparer: Comparer;
  models: Pick<Models, 'find' | 'reader'>;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  dataDir: string;
  host: string;
  uploadMaxBytes: number;
}): Drift {
  const references = createReferences(deps);
  const uploads = createUploads({ ...deps, references, maxBytes: deps.uploadMaxBytes });
  const runner = createRunner({ ...deps, references });
  const monitors = createMonitors({ ...deps, runner });
  return { references, uploads, monitors, close: uploads.close };
}
