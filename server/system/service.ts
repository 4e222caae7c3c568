import { statfs } from 'node:fs/promises';
import { getHeapStatistics } from 'node:v8';
import { roleAllows } from '../api/contract.ts';
import type { Principal } from '../api/trpc.ts';
import type { AuditReader } from '../audit/index.ts';
import { type Config, describeConfig } from '../config.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Jobs } from '../platform/jobs.ts';
import type { SharedStore } from '../platform/redis/index.ts';
import { attention, components, type Figures } from './checks.ts';
import type { Overview, SettingItem, SystemInfo } from './contract.ts';
import type { Live } from './live.ts';

const RECENT_AUDIT = 8;

export type System = {
  info(): SystemInfo;
  overview(principal: Principal): Promise<Overview>;
  settings(): { items: SettingItem[] };
  figures(): Promise<Figures>;
};

export function createSystem(deps: {
  config: Config;
  version: string;
  database: 'embedded' | 'external';
  startedAt: Date;
  clock: Clock;
  db: Db;
  store: SharedStore;
  jobs: Jobs;
  live: Live;
  audit: AuditReader;
  replicas: () => number;
}): System {
  const { config, clock, db, store, jobs, live } = deps;
  const startedAt = deps.startedAt.toISOString();
  const figures = async (): Promise<Figures> => {
    const disk = await statfs(config.dataDir).catch(() => null);
    return {
      database: db.status(),
      pool: db.poolGauges(),
      redis: store.status(),
      jobs: { ...jobs.stats(), running: jobs.running() },
      heapUsedBytes: process.memoryUsage().heapUsed,
      heapLimitBytes: getHeapStatistics().heap_size_limit,
      eventLoopP99Seconds: live.eventLoopP99Seconds(),
      diskFree: disk && disk.blocks > 0 ? disk.bavail / disk.blocks : null,
      replicas: deps.replicas(),
    };
  };
  return {
    figures,
    info: () => ({
      version: deps.version,
      startedAt,
      role: config.ROLE,
      database: deps.database,
      redis: store.status().state,
    }),
    async overview(principal) {
      const mayRead = roleAllows(principal.role, 'admin');
      const [now, recent] = await Promise.all([
        figures(),
        mayRead ? deps.audit.list({ limit: RECENT_AUDIT }) : null,
      ]);
      return {
        at: clock.now().toISOString(),
        startedAt,
        version: deps.version,
        components: components(now),
        attention: attention(now),
        history: live.history(),
        recentAudit: recent?.items ?? [],
      };
    },
    settings: () => ({ items: describeConfig(config) }),
  };
}
