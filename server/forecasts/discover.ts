/** Forecasts that come by themselves: of each target with two days of checks, and of each service that sends spans or events. */
import type { Health } from '../health/index.ts';
import type { MetricStore } from '../metrics/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import { MAX_FORECASTS, type Measure, type Subject } from './contract.ts';
import type { ForecastIncidents } from './incident.ts';
import { nextDue } from './schedule.ts';

/** People's own forecasts must find room beside those that come by themselves. */
const ROOM_FOR_PEOPLE = 100;
const MAX_SERVICES = 100;
const TARGET_AGE_HOURS = 48;
const authority: Authority = {
  actor: { kind: 'system', id: null, name: 'forecasts' },
  rule: 'forecasts that come by themselves',
  requestId: null,
};
const words: Record<Measure, string> = {
  success: 'success rate',
  errors: 'error rate',
  latency: 'latency',
};

/** Two who add at once must not pass the bound together. */
export const aloneWithForecasts = (tx: Tx) =>
  tx.$executeRaw`SELECT pg_advisory_xact_lock(${0x7768}, 41)`;

type Wanted = { key: string; name: string; subject: Subject; unit: string };

export function createDiscovery(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  health: { history: Pick<Health['history'], 'established' | 'existing'> };
  metricStore: Pick<MetricStore, 'catalog'>;
  incidents: ForecastIncidents;
}) {
  const { db, audit, clock, health, metricStore, incidents } = deps;

  const wanted = async (room: number): Promise<Wanted[]> => {
    const found: Wanted[] = [];
    const add = (of: string, name: string, measure: Measure, subject: Subject, unit: string) =>
      found.push({ key: `${of}:${measure}`, name: `${name}: ${words[measure]}`, subject, unit });
    for (const { of, metric } of [
      { of: 'spans', metric: 'span_duration_seconds' },
      { of: 'events', metric: 'event_duration_seconds' },
    ] as const) {
      const names = await metricStore.catalog
        .labelValues(metric, 'service', '')
        .catch((error: unknown): string[] => {
          // Nobody has sent any yet.
          if (error instanceof AppError && error.code === 'NOT_FOUND') return [];
          throw error;
        });
      for (const service of names.filter((name) => name.length <= 100).slice(0, MAX_SERVICES)) {
        for (const measure of ['errors', 'latency'] as const) {
          const subject: Subject = { kind: 'service', service, of, measure };
          add(
            `service:${of}:${service}`,
            service,
            measure,
            subject,
            measure === 'latency' ? 'seconds' : 'ratio',
          );
        }
      }
    }
    const targets = await health.history.established(
      new Date(clock.now().getTime() - TARGET_AGE_HOURS * 3_600_000),
      Math.ceil(room / 2),
    );
    for (const { id: targetId, name, latency } of targets) {
      const of = `target:${targetId}`;
      const base = name.slice(0, 120);
      add(of, base, 'success', { kind: 'target', targetId, measure: 'success' }, 'ratio');
      if (latency)
        add(of, base, 'latency', { kind: 'target', targetId, measure: 'latency' }, 'milliseconds');
    }
    return found;
  };

  const insert = async (tx: Tx, one: Wanted, now: Date): Promise<boolean> => {
    const id = newId(now);
    // A name that somebody took gets the end of the id.
    for (const name of [one.name, `${one.name} (${id.slice(-4)})`]) {
      const count = await tx.$executeRaw`
        INSERT INTO forecasts (id, name, kind, subject, built_in_key, step, horizon, seasonality, lower_bound, upper_bound, unit,
          due_at, created_at, created_by, updated_at)
        VALUES (${id}::uuid, ${name}, ${one.subject.kind}, ${JSON.stringify(one.subject)}::jsonb, ${one.key}, 'hour', 168, '{}', 0,
          ${one.unit === 'ratio' ? 1 : null}, ${one.unit}, ${new Date(nextDue(id, 'hour', now.getTime(), 0))}, ${now}, 'forecasts', ${now})
        ON CONFLICT DO NOTHING`;
      if (count > 0) return true;
    }
    return false;
  };

  return {
    /** Answers how many came and went. */
    async discover(): Promise<{ added: number; removed: number }> {
      const [settings] = await db.prisma.forecastSettings.findMany({ select: { builtIn: true } });
      const removed = await removeGone();
      if (settings && !settings.builtIn) return { added: 0, removed };
      const known = await db.prisma.forecast.findMany({
        where: { builtInKey: { not: null } },
        select: { builtInKey: true },
        take: MAX_FORECASTS,
      });
      const have = new Set(known.map(({ builtInKey }) => builtInKey));
      const missing = (await wanted(MAX_FORECASTS)).filter(({ key }) => !have.has(key));
      const now = clock.now();
      const added: string[] = [];
      await db.tx(async (tx) => {
        await aloneWithForecasts(tx);
        const room = MAX_FORECASTS - ROOM_FOR_PEOPLE - (await tx.forecast.count());
        for (const one of missing.slice(0, Math.max(0, room)))
          if (await insert(tx, one, now)) added.push(one.name);
        if (added.length === 0) return;
        await audit.append(tx, authority, {
          action: 'forecasts.discover',
          target: { kind: 'forecast', id: null, name: `${added.length} forecasts` },
          after: { added: added.slice(0, 100) },
        });
      });
      if (added.length > 0) deps.bus.publish({ topic: 'forecasts', type: 'discovered' });
      return { added: added.length, removed };
    },
  };

  /** What came by itself goes when its target is gone. */
  async function removeGone(): Promise<number> {
    const rows = await db.prisma.forecast.findMany({
      where: { builtInKey: { startsWith: 'target:' }, state: 'failed' },
      select: { id: true, name: true, builtInKey: true },
      take: MAX_FORECASTS,
    });
    const targetOf = (key: string | null) => key?.split(':')[1] ?? '';
    const there = await health.history.existing(rows.map(({ builtInKey }) => targetOf(builtInKey)));
    const gone = rows.filter(({ builtInKey }) => !there.has(targetOf(builtInKey)));
    const told: string[] = [];
    if (gone.length > 0) {
      await db.tx(async (tx) => {
        for (const { id } of gone) {
          await tx.forecast.deleteMany({ where: { id } });
          const ended = await incidents.ended(tx, id, 'The target was removed.');
          if (ended) told.push(ended);
        }
        await audit.append(tx, authority, {
          action: 'forecasts.discover',
          target: { kind: 'forecast', id: null, name: `${gone.length} forecasts` },
          before: { removed: gone.slice(0, 100).map(({ name }) => name) },
        });
      });
    }
    for (const id of told) incidents.announce(id);
    return gone.length;
  }
}
