import type { Page } from '../api/contract.ts';
import type { Incidents } from '../incidents/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, type Prisma, type Tx } from '../platform/db/index.ts';
import { uniqueName } from '../platform/db/unique-name.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Workers } from '../platform/workers/index.ts';
import type { PerformanceResult, PerformanceTask } from './compute.ts';
import {
  type CreateModelInput,
  type LabelsResult,
  MAX_LABELLED,
  MAX_STEPS,
  type ModelDetail,
  type ModelItem,
  type ModelListInput,
  type ModelPerformance,
  type PerformanceInput,
  type PredictionCounts,
  type PredictionsResult,
  type UpdateModelInput,
} from './contract.ts';
import { readFeatures, type StoredFeature, shownFeatures, withFeatures } from './features.ts';
import { createModelJudge, type ModelJudge, readJudgement } from './judging.ts';
import { columns, type Model, modelOf, type Row } from './model.ts';
import { createPredictionReader, type PredictionReader } from './reading.ts';
import { readLabel, readPrediction } from './rows.ts';
import { createPredictionStore } from './store.ts';

const DAY_MS = 86_400_000;
const MAX_MODELS = 500;
const COMPUTE_TIMEOUT_MS = 20_000;
/** Reasons that one call answers. */
const MAX_REASONS = 1_000;
const POINTS = 40;

export type Models = {
  list(input: ModelListInput): Promise<Page<ModelItem>>;
  get(id: string): Promise<ModelDetail>;
  create(authority: Authority, input: CreateModelInput): Promise<{ id: string }>;
  update(authority: Authority, input: UpdateModelInput): Promise<void>;
  remove(authority: Authority, id: string): Promise<void>;
  predictions(input: { model: string; predictions: unknown[] }): Promise<PredictionsResult>;
  labels(input: { model: string; labels: unknown[] }): Promise<LabelsResult>;
  performance(input: PerformanceInput, signal?: AbortSignal): Promise<ModelPerformance>;
  /** By id; null when there is none. */
  find(id: string): Promise<Model | null>;
  reader: PredictionReader;
  judge: ModelJudge;
  prune(now: Date): Promise<{ rows: number; partitions: number }>;
  close(): Promise<void>;
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const notFound = () => new AppError('NOT_FOUND', 'There is no such model.');
const badField = (path: string, message: string) =>
  new AppError('BAD_REQUEST', `${path}: ${message}`, { fields: [{ path, message }] });

export function createModels(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  bus: Bus;
  log: Log;
  workers: Workers;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  /** Ends what others have open about a model that goes; answers the incidents to announce. */
  onRemove?: (tx: Tx, modelId: string) => Promise<string[]>;
  onTaken?: (
    kind: 'prediction' | 'label',
    outcome: 'accepted' | 'repeated' | 'rejected',
    count: number,
  ) => void;
}): Models {
  const { db, audit, clock, bus, workers } = deps;
  const store = createPredictionStore(deps);
  const reader = createPredictionReader(db);
  const announce = (id: string) => bus.publish({ topic: 'models', type: 'changed', id });

  const findRow = (where: Prisma.ModelWhereUniqueInput) =>
    db.prisma.model.findUnique({ where, select: columns });
  const named = async (name: string): Promise<Model> => {
    const row =
      (UUID.test(name) ? await findRow({ id: name.toLowerCase() }) : null) ??
      (await findRow({ name }));
    if (!row) throw badField('model', 'There is no such model; give its id or name');
    return modelOf(row);
  };
  const recent = async (numbers: readonly number[]) => {
    const { rows } = await db.pool.query<{ no: number; count: number; last: Date | null }>(
      `SELECT no, (SELECT count(*)::int FROM model_predictions WHERE model_no = no AND at >= $2) AS count,
              (SELECT at FROM model_predictions WHERE model_no = no ORDER BY at DESC LIMIT 1) AS last
       FROM unnest($1::int[]) AS m(no)`,
      [numbers, new Date(clock.now().getTime() - DAY_MS)],
    );
    return new Map(rows.map((row) => [row.no, row]));
  };
  const shared = (row: Row, seen: { count: number; last: Date | null } | undefined) => ({
    id: row.id,
    name: row.name,
    description: row.description,
    task: modelOf(row).task,
    verdict: modelOf(row).verdict,
    verdictDetail: row.verdictDetail,
    verdictAt: row.verdictAt?.toISOString() ?? null,
    predictions24h: seen?.count ?? 0,
    lastAt: seen?.last?.toISOString() ?? null,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  });
  const audited = (row: Row) => {
    const { no, features, verdict, ...model } = modelOf(row);
    return { ...model, features: shownFeatures(features) };
  };
  /** Each row by itself; what is no row is refused with its place. */
  const readAll = <T extends object>(
    list: readonly unknown[],
    read: (item: unknown) => T | { reason: string },
  ) => {
    const rows: T[] = [];
    const rejected: { index: number; reason: string }[] = [];
    let refused = 0;
    list.forEach((item, index) => {
      const row = read(item);
      if (!('reason' in row)) rows.push(row);
      else if (refused++ < MAX_REASONS && typeof row.reason === 'string') {
        rejected.push({ index, reason: row.reason });
      }
    });
    return { rows, rejected, refused };
  };
  const judge = createModelJudge({
    ...deps,
    reader,
    load: async () => {
      const rows = await db.prisma.model.findMany({
        select: columns,
        take: MAX_MODELS,
        orderBy: { id: 'asc' },
      });
      return rows.map((row) => ({ model: modelOf(row), judged: readJudgement(row.judged) }));
    },
  });

  return {
    reader,
    judge,
    async find(id) {
      const row = await findRow({ id });
      return row && modelOf(row);
    },
    async list({ limit, cursor, search }) {
      const rows = await db.prisma.model.findMany({
        where: {
          ...(cursor ? { id: { gt: cursor } } : {}),
          ...(search ? { name: { contains: likeLiteral(search), mode: 'insensitive' } } : {}),
        },
        orderBy: { id: 'asc' },
        take: limit + 1,
        select: columns,
      });
      const page = rows.slice(0, limit);
      const seen = await recent(page.map(({ no }) => no));
      return {
        items: page.map((row) => ({
          ...shared(row, seen.get(row.no)),
          features: shownFeatures(readFeatures(row.features)).length,
        })),
        nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
    async get(id) {
      const row = await findRow({ id });
      if (!row) throw notFound();
      const model = modelOf(row);
      const [seen, waiting] = await Promise.all([
        recent([row.no]),
        db.pool.query<{ count: number }>(
          'SELECT count(*)::int AS count FROM model_labels_waiting WHERE model_no = $1',
          [row.no],
        ),
      ]);
      return {
        ...shared(row, seen.get(row.no)),
        features: shownFeatures(model.features),
        positiveLabel: model.positiveLabel,
        segments: model.segments,
        labelDelaySeconds: model.labelDelaySeconds,
        retentionDays: model.retentionDays,
        watch: model.watch,
        judgement: readJudgement(row.judged),
        waitingLabels: waiting.rows[0]?.count ?? 0,
      };
    },
    async create(authority, input) {
      const now = clock.now();
      const id = newId(now);
      const features = withFeatures([], input.features) ?? [];
      assertSegments(input.segments, features);
      const positiveLabel = input.task === 'binary' ? (input.positiveLabel ?? '1') : null;
      await uniqueName('a model', input.name, () =>
        db.tx(async (tx) => {
          if ((await tx.model.count()) >= MAX_MODELS) {
            throw new AppError('CONFLICT', `At most ${MAX_MODELS} models are kept.`);
          }
          await tx.model.create({
            data: {
              ...input,
              id,
              features,
              positiveLabel,
              createdAt: now,
              createdBy: authority.actor.name,
              updatedAt: now,
            },
            select: { id: true },
          });
          await audit.append(tx, authority, {
            action: 'models.create',
            target: { kind: 'model', id, name: input.name },
            after: { ...input, positiveLabel },
          });
        }),
      );
      announce(id);
      return { id };
    },
    async update(authority, { id, ...patch }) {
      await uniqueName('a model', patch.name ?? '', () =>
        db.tx(async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM models WHERE id = ${id}::uuid FOR UPDATE`;
          const before = await tx.model.findUnique({ where: { id }, select: columns });
          if (!before) throw notFound();
          const { task, features: known, segments } = modelOf(before);
          if (patch.positiveLabel !== undefined && task !== 'binary') {
            throw badField('positiveLabel', 'Only a binary model has one');
          }
          const features = patch.features ? withFeatures(known, patch.features) : known;
          if (!features) {
            throw badField(
              'features',
              'This model had too many features over time; register it anew',
            );
          }
          assertSegments(patch.segments ?? segments, features);
          const after = await tx.model.update({
            where: { id },
            data: { ...patch, features, updatedAt: clock.now() },
            select: columns,
          });
          await audit.append(tx, authority, {
            action: 'models.update',
            target: { kind: 'model', id, name: after.name },
            before: audited(before),
            after: audited(after),
          });
        }),
      );
      announce(id);
    },
    async remove(authority, id) {
      const ended = await db.tx(async (tx) => {
        const row = await tx.model.findUnique({ where: { id }, select: columns });
        if (!row) throw notFound();
        const others = (await deps.onRemove?.(tx, id)) ?? [];
        // Its rows go with the next pruning: there may be millions of them.
        const { count } = await tx.model.deleteMany({ where: { id } });
        if (count === 0) throw notFound();
        const own = await judge.forget(tx, id);
        await audit.append(tx, authority, {
          action: 'models.remove',
          target: { kind: 'model', id, name: row.name },
          before: audited(row),
        });
        return own ? [own, ...others] : others;
      });
      for (const incident of ended) deps.incidents.announce(incident);
      announce(id);
    },
    async predictions({ model: name, predictions }) {
      const model = await named(name);
      const now = clock.now().getTime();
      const shape = {
        ...model,
        tags: model.segments.filter(
          (segment) => !model.features.some((one) => one.name === segment && !one.gone),
        ),
        keepMs: model.retentionDays * DAY_MS,
      };
      const { rows, rejected, refused } = readAll(predictions, (item) =>
        readPrediction(item, shape, now),
      );
      const { accepted, repeated } = await store.write(model.no, { kind: 'predictions', rows });
      deps.onTaken?.('prediction', 'accepted', accepted);
      deps.onTaken?.('prediction', 'repeated', repeated);
      deps.onTaken?.('prediction', 'rejected', refused);
      return { accepted, repeated, rejected };
    },
    async labels({ model: name, labels }) {
      const model = await named(name);
      const now = clock.now().getTime();
      const shape = { task: model.task, keepMs: model.retentionDays * DAY_MS };
      const { rows, rejected, refused } = readAll(labels, (item) => readLabel(item, shape, now));
      const written = await store.write(model.no, { kind: 'labels', rows });
      if (written.refused > 0) {
        rejected.push({
          index: -1,
          reason: `${written.refused} labels have no prediction yet, and no more of those can be kept`,
        });
      }
      deps.onTaken?.('label', 'accepted', written.accepted);
      deps.onTaken?.('label', 'rejected', refused + written.refused);
      return { accepted: written.accepted, waiting: written.waiting, rejected };
    },
    async performance(input, signal) {
      const model = await this.find(input.id);
      if (!model) throw notFound();
      const range = { from: new Date(input.from), to: new Date(input.to) };
      const length = range.to.getTime() - range.from.getTime();
      const stepMs = input.stepSeconds ? input.stepSeconds * 1_000 : niceStep(length / POINTS);
      const steps = Math.min(MAX_STEPS, Math.ceil(length / stepMs));
      const version = input.version ?? null;
      const [counts, versions] = await Promise.all([
        reader.counts(model.no, range, {
          stepMs,
          pendingSince: new Date(clock.now().getTime() - model.labelDelaySeconds * 1_000),
          version,
        }),
        reader.versions(model.no, range),
      ]);
      const total: PredictionCounts = { predictions: 0, labelled: 0, pending: 0, unlabelled: 0 };
      for (const each of counts.values()) {
        total.predictions += each.predictions;
        total.labelled += each.labelled;
        total.pending += each.pending;
        total.unlabelled += each.unlabelled;
      }
      const rows = await reader.labelled(model.no, range, {
        total: total.labelled,
        maxRows: MAX_LABELLED,
        segment: segmentOf(model, input.segment),
        version,
      });
      const task: PerformanceTask = {
        rows,
        regression: model.task === 'regression',
        positiveLabel: model.positiveLabel,
        fromMs: range.from.getTime(),
        stepMs,
        steps,
        bySegment: input.segment !== undefined,
      };
      const found = await workers.run<PerformanceResult>(
        new URL('./compute.ts', import.meta.url),
        'performanceTask',
        task,
        { timeoutMs: COMPUTE_TIMEOUT_MS, ...(signal ? { signal } : {}) },
      );
      const none: PredictionCounts = { predictions: 0, labelled: 0, pending: 0, unlabelled: 0 };
      return {
        task: model.task,
        from: range.from.toISOString(),
        to: range.to.toISOString(),
        stepSeconds: stepMs / 1_000,
        counts: total,
        sampled: rows.total === 0 ? 1 : Math.min(1, rows.times.length / rows.total),
        overall: found.overall,
        points: found.points.map((figures, place) => ({
          at: new Date(range.from.getTime() + place * stepMs).toISOString(),
          counts: counts.get(place) ?? none,
          figures,
        })),
        segment: input.segment ?? null,
        segments: found.segments,
        versions,
      };
    },
    async prune(now) {
      const rows = await db.prisma.model.findMany({ select: { no: true, retentionDays: true } });
      return store.prune(now, new Map(rows.map(({ no, retentionDays }) => [no, retentionDays])));
    },
    close: store.close,
  };
}

function assertSegments(segments: readonly string[], features: readonly StoredFeature[]): void {
  segments.forEach((segment, place) => {
    if (features.some(({ name, kind, gone }) => name === segment && kind === 'numeric' && !gone)) {
      throw badField(
        `segments.${place}`,
        'A numeric feature has no segments; name a categorical one or a tag',
      );
    }
  });
}

function segmentOf(
  model: Model,
  name: string | undefined,
): { place: number } | { tag: string } | null {
  if (name === undefined) return null;
  if (!model.segments.includes(name)) {
    throw badField(
      'segment',
      `The model has no such segment; it has ${model.segments.join(', ') || 'none'}`,
    );
  }
  const feature = model.features.find((one) => one.name === name && !one.gone);
  return feature ? { place: feature.place } : { tag: name };
}

const NICE_SECONDS = [60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
/** The next step that people count in. */
function niceStep(ms: number): number {
  const found = NICE_SECONDS.find((seconds) => seconds * 1_000 >= ms);
  return found ? found * 1_000 : Math.ceil(ms / 604_800_000) * 604_800_000;
}
