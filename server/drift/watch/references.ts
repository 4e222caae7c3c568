/** References: made from predictions, from rows or from a profiled file; loaded as columns in the order of their times. */
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { z } from 'zod';
import type { Page } from '../../api/contract.ts';
import type { Model, Models } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Prisma, Tx } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import { newId } from '../../platform/ids.ts';
import type { Workers } from '../../platform/workers/index.ts';
import type { ColumnsTask, ProfileResult } from '../intake/compute.ts';
import {
  type CreateReferenceInput,
  MAX_CELLS,
  MAX_REFERENCES,
  REFERENCE_ROWS,
  type ReferenceFeature,
  type ReferenceItem,
  type ReferenceListInput,
} from './contract.ts';

const COMPUTE = new URL('../intake/compute.ts', import.meta.url);
const PROFILE_TIMEOUT_MS = 60_000;
const unpack = promisify(inflate);

export type LoadedColumn = { name: string } & (
  | { kind: 'numeric'; values: Float64Array }
  | { kind: 'categorical'; values: (string | null)[] }
);
export type LoadedReference = {
  id: string;
  name: string;
  sampled: number;
  /** Null where its rows have no times. */
  times: Float64Array | null;
  columns: LoadedColumn[];
};
export type Profiled = Exclude<ProfileResult, { fault: string }>;
export type References = {
  list(input: ReferenceListInput): Promise<Page<ReferenceItem>>;
  get(id: string): Promise<ReferenceItem>;
  create(
    authority: Authority,
    input: CreateReferenceInput,
    signal?: AbortSignal,
  ): Promise<{ id: string }>;
  remove(authority: Authority, id: string): Promise<void>;
  /** The sample of those of the features that it has; null when there is no such reference. */
  load(id: string, features: readonly string[]): Promise<LoadedReference | null>;
  /** Inside the caller's transaction. */
  store(
    tx: Tx,
    authority: Authority,
    given: {
      model: Model;
      name: string;
      source: ReferenceItem['source'];
      detail: string;
      rows: number;
      profile: Profiled;
    },
  ): Promise<string>;
  /** Refuses a name that is taken, and one reference too many. */
  assertRoom(modelId: string, name: string): Promise<void>;
  announce(id: string): void;
};

const featureSchema: z.ZodType<ReferenceFeature> = z.object({
  name: z.string(),
  kind: z.enum(['numeric', 'categorical']),
  missing: z.number(),
  infinite: z.number(),
  notNumeric: z.number(),
  examples: z.array(z.object({ line: z.number(), text: z.string() })),
  outside: z.number(),
  mean: z.number().nullable(),
  sd: z.number().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  categories: z.number().nullable(),
});
const profileSchema = z.array(featureSchema);

const columns = {
  id: true,
  modelId: true,
  name: true,
  source: true,
  detail: true,
  rows: true,
  sampled: true,
  from: true,
  to: true,
  profile: true,
  sizeBytes: true,
  createdAt: true,
  createdBy: true,
  model: { select: { name: true } },
  _count: { select: { monitors: true } },
} satisfies Prisma.DriftReferenceSelect;
type Row = Prisma.DriftReferenceGetPayload<{ select: typeof columns }>;

const sources = ['upload', 'range', 'rows'] as const;
const toItem = (row: Row): ReferenceItem => ({
  id: row.id,
  modelId: row.modelId,
  modelName: row.model.name,
  name: row.name,
  source: sources.find((source) => source === row.source) ?? 'upload',
  detail: row.detail,
  rows: Number(row.rows),
  sampled: row.sampled,
  from: row.from?.toISOString() ?? null,
  to: row.to?.toISOString() ?? null,
  features: profileSchema.parse(row.profile),
  sizeBytes: row.sizeBytes,
  monitors: row._count.monitors,
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
});

export const fieldFault = (path: string, message: string): AppError =>
  new AppError('BAD_REQUEST', `${path}: ${message}`, { fields: [{ path, message }] });
const notFound = () => new AppError('NOT_FOUND', 'There is no such reference.');
const nameTaken = (name: string): AppError => {
  const message = `The model has a reference named ${name} already`;
  return new AppError('CONFLICT', `${message}.`, { fields: [{ path: 'name', message }] });
};

/** Rows of a sample, so that all its cells stay within bounds. */
export const sampleSize = (features: number): number =>
  Math.max(100, Math.min(REFERENCE_ROWS, Math.floor(MAX_CELLS / Math.max(1, features))));

export function createReferences(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  bus: Bus;
  workers: Workers;
  models: Pick<Models, 'find' | 'reader'>;
}): References {
  const { db, audit, clock, models, workers } = deps;

  const assertRoom: References['assertRoom'] = async (modelId, name) => {
    const names = await db.prisma.driftReference.findMany({
      where: { modelId },
      select: { name: true },
      take: MAX_REFERENCES,
    });
    if (names.length >= MAX_REFERENCES) {
      throw new AppError('CONFLICT', `At most ${MAX_REFERENCES} references are kept of a model.`);
    }
    if (names.some((one) => one.name === name)) throw nameTaken(name);
  };
  const store: References['store'] = async (tx, authority, given) => {
    const { model, name, source, detail, rows, profile } = given;
    const now = clock.now();
    const id = newId(now);
    const creating = tx.driftReference.create({
      data: {
        id,
        modelId: model.id,
        name,
        source,
        detail,
        rows,
        sampled: profile.sampled,
        from: profile.from === null ? null : new Date(profile.from),
        to: profile.to === null ? null : new Date(profile.to),
        profile: profile.features,
        sizeBytes: profile.columns.reduce((sum, { data }) => sum + data.length, 0),
        createdAt: now,
        createdBy: authority.actor.name,
      },
      select: { id: true },
    });
    await creating.catch((error: unknown) => {
      // Somebody took the name after there was room for it.
      const taken = error instanceof Error && 'code' in error && error.code === 'P2002';
      throw taken ? nameTaken(name) : error;
    });
    for (const column of profile.columns) {
      await tx.driftReferenceColumn.create({
        data: {
          referenceId: id,
          name: column.name,
          kind: column.kind,
          dictionary: column.dictionary,
          data: new Uint8Array(column.data),
        },
        select: { name: true },
      });
    }
    await audit.append(tx, authority, {
      action: 'drift.references.create',
      target: { kind: 'reference', id, name },
      after: { modelId: model.id, name, source, detail, rows, sampled: profile.sampled },
    });
    return id;
  };
  const announce = (id: string) => deps.bus.publish({ topic: 'drift', type: 'reference', id });

  /** The columns of the features, and the times, of a range of predictions or of given rows. */
  const taskOf = async (
    model: Model,
    input: CreateReferenceInput,
    signal?: AbortSignal,
  ): Promise<{ task: ColumnsTask; total: number; detail: string }> => {
    const features = model.features.filter(({ gone }) => !gone);
    const size = sampleSize(features.length);
    if (input.range) {
      const range = { from: new Date(input.range.from), to: new Date(input.range.to) };
      const window = await models.reader.window(model.no, range, {
        features,
        maxRows: size,
        ...(signal ? { signal } : {}),
      });
      if (window.times.length === 0) throw fieldFault('range', 'There are no predictions in it');
      return {
        task: {
          features,
          columns: window.columns.map(({ values }) => values),
          times: window.times,
          size,
          seed: 1,
        },
        total: window.total,
        detail: `Predictions from ${range.from.toISOString()} to ${range.to.toISOString()}`,
      };
    }
    const rows = input.rows ?? [];
    const { timeColumn } = input;
    const names = new Set(rows.flatMap((row) => Object.keys(row)));
    const known = features.filter(({ name }) => names.has(name));
    if (known.length === 0) {
      throw fieldFault(
        'rows',
        `No row has a feature of the model; it has ${features
          .map(({ name }) => name)
          .slice(0, 10)
          .join(', ')}`,
      );
    }
    if (timeColumn !== undefined && !names.has(timeColumn)) {
      throw fieldFault('timeColumn', 'No row has such a value');
    }
    return {
      task: {
        features: known,
        columns: known.map(({ name }) => rows.map((row) => row[name] ?? null)),
        times: timeColumn === undefined ? null : rows.map((row) => row[timeColumn] ?? null),
        size,
        seed: 1,
      },
      total: rows.length,
      detail: `${rows.length} rows that were given`,
    };
  };

  return {
    store,
    assertRoom,
    announce,
    async list({ limit, cursor, modelId }) {
      const rows = await db.prisma.driftReference.findMany({
        where: { ...(modelId ? { modelId } : {}), ...(cursor ? { id: { lt: cursor } } : {}) },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: columns,
      });
      const items = rows.slice(0, limit).map(toItem);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async get(id) {
      const row = await db.prisma.driftReference.findUnique({ where: { id }, select: columns });
      if (!row) throw notFound();
      return toItem(row);
    },
    async create(authority, input, signal) {
      const model = await models.find(input.modelId);
      if (!model) throw fieldFault('modelId', 'There is no such model');
      await assertRoom(model.id, input.name);
      const { task, total, detail } = await taskOf(model, input, signal);
      const profile = await workers.run<ProfileResult>(COMPUTE, 'profileColumnsTask', task, {
        timeoutMs: PROFILE_TIMEOUT_MS,
        ...(signal ? { signal } : {}),
      });
      if ('fault' in profile) throw fieldFault('rows', profile.fault);
      if (profile.sampled === 0)
        throw fieldFault('timeColumn', 'No row has a time that can be read');
      const source = input.range ? 'range' : 'rows';
      const id = await db.tx((tx) =>
        store(tx, authority, { model, name: input.name, source, detail, rows: total, profile }),
      );
      announce(id);
      return { id };
    },
    async remove(authority, id) {
      await db.tx(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM drift_references WHERE id = ${id}::uuid FOR UPDATE`;
        const row = await tx.driftReference.findUnique({ where: { id }, select: columns });
        if (!row) throw notFound();
        await tx.driftReference.delete({ where: { id }, select: { id: true } });
        const { profile, ...before } = row;
        await audit.append(tx, authority, {
          action: 'drift.references.remove',
          target: { kind: 'reference', id, name: row.name },
          before: { ...before, rows: Number(row.rows) },
        });
      });
      announce(id);
    },
    async load(id, features) {
      const row = await db.prisma.driftReference.findUnique({
        where: { id },
        select: {
          name: true,
          sampled: true,
          columns: {
            where: { name: { in: ['', ...features] } },
            select: { name: true, kind: true, dictionary: true, data: true },
          },
        },
      });
      if (!row) return null;
      let times: Float64Array | null = null;
      const loaded: LoadedColumn[] = [];
      for (const { name, kind, dictionary, data } of row.columns) {
        const bytes = await unpack(data);
        // A copy whose start is aligned, as numbers need it.
        const { buffer } = new Uint8Array(bytes);
        if (kind === 'time') times = new Float64Array(buffer);
        else if (kind === 'numeric') loaded.push({ name, kind, values: new Float64Array(buffer) });
        else {
          const codes = new Int32Array(buffer);
          const values = Array.from(codes, (code) =>
            code < 0 ? null : (dictionary[code] ?? null),
          );
          loaded.push({ name, kind: 'categorical', values });
        }
      }
      return { id, name: row.name, sampled: row.sampled, times, columns: loaded };
    },
  };
}
