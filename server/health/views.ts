/** What pages and scripts read of targets and remedies. Reads only. */
import type { z } from 'zod';
import type { Page } from '../api/contract.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type {
  HealingView,
  HealthCounts,
  Remedy,
  RemedyMode,
  RemedyOutcome,
  RunItem,
  runListSchema,
  State,
  TargetDetail,
  TargetItem,
  TargetKind,
  TargetTrend,
  targetListSchema,
} from './contract.ts';
import { targetSettingsSchema } from './contract.ts';
import { type Healing, proportions } from './healing.ts';
import type { MaintenanceCalendar } from './maintenance.ts';
import { judgeRemedy } from './outcome.ts';
import { blockReason, effectiveMode, MAX_ATTEMPTS, type Plan, plan } from './plan.ts';
import { stateBar, stretches, uptime } from './uptime.ts';

const DAY_MS = 86_400_000;
const BAR_CELLS = 48;
const TREND_MINUTES = 60;
const SYMPTOMS_SHOWN = 5;

type ListInput = z.output<typeof targetListSchema>;
type ItemRow = {
  id: string;
  ref: number;
  name: string;
  kind: TargetKind;
  address: string;
  state: State;
  since: Date;
  paused: boolean;
  flapping: boolean;
  last_check_at: Date | null;
  latency_ms: number | null;
  detail: string | null;
  suppressed_by: string | null;
  group: string | null;
  tags: string[];
  remedy_mode: RemedyMode | null;
  interval_seconds: number;
  created_at: Date;
  sort_key: string | number;
};
const itemColumns = `
  t.id::text, t.ref, t.name, t.kind, t.address, t.paused, t."group", t.tags, t.interval_seconds, t.created_at,
  CASE WHEN t.remedy IS NULL THEN NULL ELSE t.remedy_mode END AS remedy_mode,
  s.state, s.since, s.flapping, s.last_check_at, s.latency_ms, s.detail, s.suppressed_by::text`;
const sortKeys: Record<ListInput['sort'], string> = {
  name: 'lower(t.name)',
  state: `(CASE s.state WHEN 'down' THEN '0' WHEN 'degraded' THEN '1' WHEN 'unknown' THEN '2' WHEN 'maintenance' THEN '3' ELSE '4' END || lower(t.name))`,
  latency: 'coalesce(-s.latency_ms, 1e12)::float8',
  checked: 'coalesce(-extract(epoch FROM s.last_check_at), 1e12)::float8',
};

export type Views = ReturnType<typeof createViews>;

export function createViews(deps: {
  db: Db;
  clock: Clock;
  calendar: MaintenanceCalendar;
  healing: Healing;
}) {
  const { db, clock, calendar, healing } = deps;
  const flipsOf = async (ids: readonly string[], since: number) => {
    const { rows } = await db.pool.query<{ target_id: string; at: Date; from: State; to: State }>(
      `SELECT target_id::text, at, "from", "to" FROM target_transitions
       WHERE target_id = ANY($1::uuid[]) AND at > $2 ORDER BY at`,
      [ids, new Date(since)],
    );
    return Map.groupBy(
      rows.map((row) => ({ ...row, at: row.at.getTime() })),
      (row) => row.target_id,
    );
  };
  const toItems = async (rows: readonly ItemRow[]): Promise<TargetItem[]> => {
    const now = clock.now().getTime();
    const flips = await flipsOf(
      rows.map(({ id }) => id),
      now - DAY_MS,
    );
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      kind: row.kind,
      address: row.address,
      state: row.state,
      since: row.since.toISOString(),
      paused: row.paused,
      flapping: row.flapping,
      lastCheckAt: row.last_check_at?.toISOString() ?? null,
      latencyMs: row.latency_ms,
      detail: row.detail,
      uptime24h: uptime(
        stretches(
          flips.get(row.id) ?? [],
          row.state,
          Math.max(now - DAY_MS, row.created_at.getTime()),
          now,
        ),
      ),
      suppressedBy: row.suppressed_by,
      group: row.group,
      tags: row.tags,
      remedyMode: row.remedy_mode,
      intervalSeconds: row.interval_seconds,
    }));
  };

  return {
    async list(input: ListInput): Promise<Page<TargetItem>> {
      const key = sortKeys[input.sort];
      const cursor = readCursor(input.cursor ?? null, input.sort);
      const { rows } = await db.pool.query<ItemRow>(
        `SELECT ${itemColumns}, ${key} AS sort_key
         FROM targets t JOIN target_states s ON s.target_id = t.id
         WHERE ($1::text[] IS NULL OR s.state::text = ANY($1)) AND ($2::text IS NULL OR t.kind::text = $2)
           AND ($3::text IS NULL OR $3 = ANY(t.tags) OR t."group" = $3)
           AND ($4::text IS NULL OR t.name ILIKE $4 OR t.address ILIKE $4)
           AND ($6::uuid IS NULL OR (${key}, t.id) > ($5::${input.sort === 'name' || input.sort === 'state' ? 'text' : 'float8'}, $6::uuid))
         ORDER BY sort_key, t.id LIMIT $7`,
        [
          input.state && input.state.length > 0 ? input.state : null,
          input.kind ?? null,
          input.tag || null,
          input.search ? `%${likeLiteral(input.search)}%` : null,
          cursor?.key ?? null,
          cursor?.id ?? null,
          input.limit + 1,
        ],
      );
      const page = rows.slice(0, input.limit);
      const last = page.at(-1);
      return {
        items: await toItems(page),
        nextCursor:
          rows.length > input.limit && last
            ? Buffer.from(JSON.stringify([last.sort_key, last.id])).toString('base64url')
            : null,
      };
    },
    /** These targets, in any order; unknown ids are left out. */
    async byIds(ids: readonly string[]): Promise<{ items: TargetItem[] }> {
      const { rows } = await db.pool.query<ItemRow>(
        `SELECT ${itemColumns}, '' AS sort_key FROM targets t JOIN target_states s ON s.target_id = t.id
         WHERE t.id = ANY($1::uuid[])`,
        [ids],
      );
      return { items: await toItems(rows) };
    },
    async trends(ids: readonly string[]): Promise<{ items: TargetTrend[] }> {
      const now = clock.now().getTime();
      const minute = Math.floor(now / 60_000);
      const { rows } = await db.pool.query<{
        id: string;
        ref: number;
        state: State;
        created_at: Date;
      }>(
        `SELECT t.id::text, t.ref, s.state, t.created_at FROM targets t JOIN target_states s ON s.target_id = t.id
         WHERE t.id = ANY($1::uuid[])`,
        [ids],
      );
      const [flips, latencies] = await Promise.all([
        flipsOf(ids, now - DAY_MS),
        db.pool.query<{ ref: number; minute: number; latency: number }>(
          `SELECT ref, floor(extract(epoch FROM at) / 60)::int AS minute, avg(latency_ms)::float8 AS latency
           FROM health_checks WHERE ref = ANY($1) AND at >= $2 AND ok AND latency_ms IS NOT NULL GROUP BY 1, 2`,
          [rows.map(({ ref }) => ref), new Date((minute - TREND_MINUTES + 1) * 60_000)],
        ),
      ]);
      const byRef = Map.groupBy(latencies.rows, ({ ref }) => ref);
      return {
        items: rows.map((row) => {
          const known = stretches(
            flips.get(row.id) ?? [],
            row.state,
            Math.max(now - DAY_MS, row.created_at.getTime()),
            now,
          );
          const latencyMs: (number | null)[] = Array.from({ length: TREND_MINUTES }, () => null);
          for (const each of byRef.get(row.ref) ?? []) {
            const index = each.minute - (minute - TREND_MINUTES + 1);
            if (index >= 0 && index < TREND_MINUTES) {
              latencyMs[index] = Math.round(each.latency * 100) / 100;
            }
          }
          return { id: row.id, bar: stateBar(known, now - DAY_MS, now, BAR_CELLS), latencyMs };
        }),
      };
    },
    async counts(): Promise<HealthCounts> {
      const { rows } = await db.pool.query<Record<string, number>>(
        `SELECT count(*)::int AS total, count(*) FILTER (WHERE s.state = 'healthy')::int AS healthy,
                count(*) FILTER (WHERE s.state = 'degraded')::int AS degraded,
                count(*) FILTER (WHERE s.state = 'down')::int AS down,
                count(*) FILTER (WHERE s.state = 'unknown')::int AS unknown,
                count(*) FILTER (WHERE s.state = 'maintenance')::int AS maintenance,
                (SELECT count(DISTINCT target_id)::int FROM remedy_runs WHERE status IN ('running', 'verifying')) AS healing,
                (SELECT count(*)::int FROM remedy_runs WHERE status = 'awaiting_approval') AS waiting
         FROM targets t JOIN target_states s ON s.target_id = t.id`,
      );
      const row = rows[0] ?? {};
      const count = (name: string) => row[name] ?? 0;
      return {
        total: count('total'),
        healthy: count('healthy'),
        degraded: count('degraded'),
        down: count('down'),
        unknown: count('unknown'),
        maintenance: count('maintenance'),
        healing: count('healing'),
        waiting: count('waiting'),
      };
    },
    async tags(): Promise<{ items: string[] }> {
      const { rows } = await db.pool.query<{ tag: string }>(
        `SELECT DISTINCT tag FROM (SELECT unnest(tags) AS tag FROM targets UNION SELECT "group" FROM targets
         WHERE "group" IS NOT NULL) t ORDER BY tag LIMIT 200`,
      );
      return { items: rows.map(({ tag }) => tag) };
    },
    async get(id: string): Promise<TargetDetail> {
      const row = await db.prisma.target.findUnique({
        where: { id },
        select: {
          settings: true,
          timeoutMs: true,
          failAfter: true,
          recoverAfter: true,
          sealed: true,
          remedy: true,
          demotedAt: true,
          demotedReason: true,
          createdAt: true,
          createdBy: true,
          current: {
            select: {
              observed: true,
              failures: true,
              successes: true,
              tlsExpiresAt: true,
              lastBeatAt: true,
              suppressedBy: true,
            },
          },
          parents: {
            select: {
              parent: { select: { id: true, name: true, current: { select: { state: true } } } },
            },
          },
          children: {
            take: 200,
            select: {
              child: {
                select: {
                  id: true,
                  name: true,
                  current: { select: { state: true, suppressedBy: true } },
                },
              },
            },
          },
        },
      });
      await calendar.refresh();
      const item = (await this.byIds([id])).items[0];
      if (!row?.current || !item) throw new AppError('NOT_FOUND', 'There is no such target.');
      const open = await db.prisma.incidentMember.findFirst({
        where: { targetId: id, recoveredAt: null, incident: { status: { not: 'resolved' } } },
        select: { incidentId: true },
      });
      const settings = targetSettingsSchema.parse(row.settings);
      const parents = row.parents.map(({ parent }) => ({
        id: parent.id,
        name: parent.name,
        state: parent.current?.state ?? ('unknown' as const),
      }));
      const suppressor = parents.find((parent) => parent.id === row.current?.suppressedBy);
      const window = calendar.covers(id);
      return {
        ...item,
        createdAt: row.createdAt.toISOString(),
        createdBy: row.createdBy,
        observed: row.current.observed === 'maintenance' ? 'unknown' : row.current.observed,
        failures: row.current.failures,
        successes: row.current.successes,
        settings,
        timeoutMs: row.timeoutMs,
        failAfter: row.failAfter,
        recoverAfter: row.recoverAfter,
        headerNames: settings.headerNames,
        hasSealedUrl: row.sealed !== null,
        tlsExpiresAt: row.current.tlsExpiresAt?.toISOString() ?? null,
        lastBeatAt: row.current.lastBeatAt?.toISOString() ?? null,
        suppressedByName: suppressor?.name ?? null,
        suppressionReason: suppressor
          ? `${suppressor.name}, which this depends on, is down. Checks go on; alerts and remedies wait for it.`
          : null,
        parents,
        children: row.children.map(({ child }) => ({
          id: child.id,
          name: child.name,
          state: child.current?.state ?? 'unknown',
          suppressed: child.current?.suppressedBy === id,
        })),
        // Stored by `targets.ts` from a checked input.
        remedy: row.remedy as Remedy | null,
        demotedAt: row.demotedAt?.toISOString() ?? null,
        demotedReason: row.demotedReason,
        incidentId: open?.incidentId ?? null,
        maintenance: window
          ? { id: window.id, name: window.name, until: new Date(window.until).toISOString() }
          : null,
      };
    },
    async healing(id: string): Promise<HealingView> {
      const row = await db.prisma.target.findUnique({
        where: { id },
        select: {
          paused: true,
          remedy: true,
          remedyMode: true,
          demotedAt: true,
          failAfter: true,
          current: { select: { observed: true, seriesId: true, suppressedBy: true } },
          episodes: {
            where: { recoveredAt: null },
            select: { firstFailureAt: true, escalatedAt: true },
          },
          parents: { select: { parent: { select: { id: true, name: true } } } },
        },
      });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such target.');
      const seriesId = row.current?.seriesId ?? null;
      const runs = seriesId ? ((await healing.runsOf([seriesId])).get(seriesId) ?? []) : [];
      await calendar.refresh();
      const control = await db.prisma.healthControl.findUnique({
        where: { id: 1 },
        select: { frozen: true, frozenReason: true },
      });
      const episode = row.episodes[0] ?? null;
      const mode = effectiveMode(row.remedyMode, row.demotedAt !== null);
      const next = plan({
        now: clock.now().getTime(),
        down: row.current?.observed === 'down' && episode !== null,
        firstFailureAt: episode?.firstFailureAt.getTime() ?? 0,
        mode,
        hasRemedy: row.remedy !== null,
        runs,
        escalated: episode?.escalatedAt != null,
        blocked: blockReason({
          frozen: control?.frozen ? (control.frozenReason ?? '') : null,
          paused: row.paused,
          window: calendar.covers(id)?.name ?? null,
          parentDown:
            row.parents.find(({ parent }) => parent.id === row.current?.suppressedBy)?.parent
              .name ?? null,
          parentAwaited: false,
        }),
        jitter: 0,
      });
      const down = row.current?.observed === 'down';
      return {
        plan: describePlan(next, {
          hasRemedy: row.remedy !== null,
          mode,
          down,
          failAfter: row.failAfter,
        }),
        nextAt: next.kind === 'wait' ? new Date(next.until).toISOString() : null,
        attempts: Math.max(0, ...runs.map(({ attempt }) => attempt ?? 0)),
        maxAttempts: MAX_ATTEMPTS,
        effectiveMode: mode,
        outcomes: await outcomes(id),
      };
    },
    async runs(input: z.output<typeof runListSchema>): Promise<Page<RunItem>> {
      const rows = await db.prisma.remedyRun.findMany({
        where: {
          ...(input.targetId ? { targetId: input.targetId } : {}),
          ...(input.waiting ? { status: 'awaiting_approval' } : {}),
          ...(input.cursor ? { id: { lt: input.cursor } } : {}),
        },
        orderBy: { id: 'desc' },
        take: input.limit + 1,
        select: {
          id: true,
          targetId: true,
          incidentId: true,
          attempt: true,
          kind: true,
          trigger: true,
          status: true,
          symptom: true,
          requestedBy: true,
          decidedBy: true,
          createdAt: true,
          startedAt: true,
          endedAt: true,
          helped: true,
          recoveredAfterMs: true,
          detail: true,
          output: true,
          target: { select: { name: true } },
        },
      });
      const items = rows.slice(0, input.limit).map(({ target, ...row }) => ({
        ...row,
        targetName: target.name,
        // One of the three that this module writes.
        trigger: row.trigger as RunItem['trigger'],
        createdAt: row.createdAt.toISOString(),
        startedAt: row.startedAt?.toISOString() ?? null,
        endedAt: row.endedAt?.toISOString() ?? null,
      }));
      return { items, nextCursor: rows.length > input.limit ? (items.at(-1)?.id ?? null) : null };
    },
  };

  async function outcomes(id: string): Promise<RemedyOutcome[]> {
    const now = clock.now();
    const { rows } = await db.pool.query<{ symptom: string }>(
      `SELECT symptom FROM episodes WHERE target_id = $1 AND down_at > $2
       GROUP BY symptom ORDER BY count(*) DESC LIMIT ${SYMPTOMS_SHOWN}`,
      [id, new Date(now.getTime() - 90 * DAY_MS)],
    );
    return Promise.all(
      rows.map(async ({ symptom }) => {
        const { treated, untreated } = await proportions(db, now, id, symptom);
        const judged = judgeRemedy(treated, untreated);
        const side = (part: typeof judged.treated) => ({
          successes: part.successes,
          trials: part.trials,
          low: part.interval?.low ?? null,
          high: part.interval?.high ?? null,
        });
        return {
          symptom,
          treated: side(judged.treated),
          untreated: side(judged.untreated),
          lift: judged.lift,
          verdict: judged.verdict,
          sentence: judged.sentence,
        };
      }),
    );
  }
}

function describePlan(
  next: Plan,
  state: { hasRemedy: boolean; mode: RemedyMode; down: boolean; failAfter: number },
): string {
  if (!state.hasRemedy) return 'No remedy is set: people are told, and nothing else happens.';
  if (state.mode === 'off') return 'The remedy is switched off: people are told.';
  if (!state.down) {
    const how = state.mode === 'automatic' ? 'runs by itself' : 'is put before an operator';
    return `After ${state.failAfter} failed checks in a row the remedy ${how}, at most ${MAX_ATTEMPTS} times: 10 s after the first failure, then 30 s and 90 s later.`;
  }
  switch (next.kind) {
    case 'wait':
      return `Attempt ${next.attempt} of ${MAX_ATTEMPTS} is due.`;
    case 'run':
      return `Attempt ${next.attempt} of ${MAX_ATTEMPTS} starts now.`;
    case 'propose':
      return `Attempt ${next.attempt} of ${MAX_ATTEMPTS} is about to be proposed.`;
    case 'blocked':
      return `Waits: ${next.reason}.`;
    case 'busy':
      return next.what === 'running'
        ? 'The remedy runs.'
        : next.what === 'verifying'
          ? 'The remedy is done; the next checks say whether it helped.'
          : 'Waits for an operator to approve the remedy.';
    case 'escalate':
    case 'expire':
      return `${next.reason} A person is needed.`;
    case 'none':
      return 'All attempts are used; a person is needed.';
  }
}

function readCursor(
  cursor: string | null,
  sort: ListInput['sort'],
): { key: string | number; id: string } | null {
  if (cursor === null) return null;
  const wanted = sort === 'name' || sort === 'state' ? 'string' : 'number';
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(parsed)) {
      const [key, id] = parsed;
      const isId = typeof id === 'string' && /^[0-9a-f-]{36}$/.test(id);
      if (isId && typeof key === wanted) return { key, id };
    }
  } catch {
    // Answered below.
  }
  const fields = [{ path: 'cursor', message: 'Take it from nextCursor of the previous page' }];
  throw new AppError('BAD_REQUEST', 'cursor: take it from nextCursor of the previous page.', {
    fields,
  });
}
