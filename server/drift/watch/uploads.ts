/**
 * Files on their way to become references. They come in parts, so that each request is short and a broken line costs one part; they
 * lie in the data folder, bounded, and go when they were profiled, cancelled, or not confirmed within a day. A reference is
 * stored whole or not at all: what a restart breaks off is said.
 */
import { createWriteStream, existsSync, readdirSync, rmSync } from 'node:fs';
import { stat, statfs, truncate } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Page } from '../../api/contract.ts';
import type { Models } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Prisma } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import { newId } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import { makeFolder } from '../../platform/make-folder.ts';
import type { Workers } from '../../platform/workers/index.ts';
import type { FileLook, PreviewTask, ProfileResult, ProfileTask } from '../intake/compute.ts';
import {
  type ConfirmUploadInput,
  type CreateUploadInput,
  PART_BYTES,
  type PreviewUploadInput,
  UPLOAD_HOURS,
  type UploadItem,
  type UploadListInput,
  type UploadPreview,
  type UploadState,
} from './contract.ts';
import { chooseColumns, hintsOf, previewOf } from './preview.ts';
import { fieldFault, type References, sampleSize } from './references.ts';

const COMPUTE = new URL('../intake/compute.ts', import.meta.url);
const PREVIEW_TIMEOUT_MS = 20_000;
const PROFILE_TIMEOUT_MS = 30 * 60_000;
const PROGRESS_EVERY_MS = 500;
const SWEEP_EVERY_MS = 10 * 60_000;
/** Of all files of this folder, in files of the largest size. */
const SPOOL_FILES = 2;
const KEEP_ROWS_MS = 30 * 86_400_000;
const ROOM_LOCK = 0x75706c64;
const live: UploadState[] = ['receiving', 'received', 'profiling'];

export type Uploads = {
  list(input: UploadListInput): Promise<Page<UploadItem>>;
  get(id: string): Promise<UploadItem>;
  create(
    authority: Authority,
    input: CreateUploadInput,
  ): Promise<{ id: string; partBytes: number }>;
  /** Appends a part at `offset`, which must be what was received so far. Answers how much that is now. */
  append(
    id: string,
    offset: number,
    part: Readable,
  ): Promise<{ receivedBytes: number; complete: boolean }>;
  preview(input: PreviewUploadInput, signal?: AbortSignal): Promise<UploadPreview>;
  /** Begins to profile; `get` says how far it is. */
  confirm(authority: Authority, input: ConfirmUploadInput): Promise<void>;
  cancel(authority: Authority, id: string): Promise<void>;
  /** Ends what nobody confirmed, and removes files that belong to nothing. */
  sweep(): Promise<void>;
  /** Waits for profiles that are being made. */
  idle(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
};

const columns = {
  id: true,
  modelId: true,
  fileName: true,
  sizeBytes: true,
  receivedBytes: true,
  state: true,
  detail: true,
  place: true,
  progress: true,
  rows: true,
  referenceId: true,
  createdAt: true,
  createdBy: true,
} satisfies Prisma.DriftUploadSelect;
type Row = Prisma.DriftUploadGetPayload<{ select: typeof columns }>;
const states = ['receiving', 'received', 'profiling', 'done', 'failed', 'cancelled'] as const;

const toItem = (row: Row): UploadItem => ({
  id: row.id,
  modelId: row.modelId,
  fileName: row.fileName,
  sizeBytes: Number(row.sizeBytes),
  receivedBytes: Number(row.receivedBytes),
  state: states.find((state) => state === row.state) ?? 'failed',
  detail: row.detail,
  progress: row.progress,
  rows: Number(row.rows),
  referenceId: row.referenceId,
  createdAt: row.createdAt.toISOString(),
  createdBy: row.createdBy,
});
const notFound = () => new AppError('NOT_FOUND', 'There is no such upload.');
const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;

export function createUploads(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  bus: Bus;
  log: Log;
  workers: Workers;
  models: Pick<Models, 'find'>;
  references: References;
  dataDir: string;
  host: string;
  maxBytes: number;
}): Uploads {
  const { db, audit, clock, workers, models, references, maxBytes, log } = deps;
  const folder = path.join(deps.dataDir, 'uploads');
  const place = `${deps.host}:${folder}`;
  const fileOf = (id: string) => path.join(folder, id);
  const receiving = new Set<string>();
  const profiling = new Map<string, { abort: AbortController; done: Promise<void> }>();
  const announce = (id: string) => deps.bus.publish({ topic: 'drift', type: 'upload', id });
  let timer: NodeJS.Timeout | undefined;

  const find = async (id: string): Promise<Row> => {
    const row = await db.prisma.driftUpload.findUnique({ where: { id }, select: columns });
    if (!row) throw notFound();
    return row;
  };
  /** The file, when it is here and whole. */
  const whole = async (id: string): Promise<Row> => {
    const row = await find(id);
    if (row.state === 'receiving')
      throw new AppError('CONFLICT', 'The file has not arrived whole yet.');
    if (row.state !== 'received') {
      throw new AppError('CONFLICT', `This upload is ${row.state}; send the file again.`);
    }
    if (row.place !== place || !existsSync(fileOf(id))) {
      throw new AppError(
        'CONFLICT',
        'The file lies with another process of the console; send the file again.',
      );
    }
    return row;
  };
  /** From one of some states into another; false when it is in none of them any more. */
  const move = async (
    id: string,
    from: readonly UploadState[],
    data: Prisma.DriftUploadUpdateManyMutationInput,
  ) => {
    const { count } = await db.prisma.driftUpload.updateMany({
      where: { id, state: { in: [...from] } },
      data: { ...data, updatedAt: clock.now() },
    });
    return count === 1;
  };
  const dropFile = (id: string) => rmSync(fileOf(id), { force: true });

  const profile = async (
    authority: Authority,
    row: Row,
    task: ProfileTask,
    name: string,
    signal: AbortSignal,
  ) => {
    const { id, modelId, fileName } = row;
    const stop = new AbortController();
    const watch = setInterval(async () => {
      const share = Atomics.load(task.progress, 0) / 1e6;
      const rows = Atomics.load(task.progress, 1);
      // Whoever cancelled it may have asked another process.
      const on = await move(id, ['profiling'], { progress: share, rows }).catch(() => true);
      if (on) announce(id);
      else stop.abort();
    }, PROGRESS_EVERY_MS);
    try {
      const result = await workers.run<ProfileResult>(COMPUTE, 'profileTask', task, {
        timeoutMs: PROFILE_TIMEOUT_MS,
        signal: AbortSignal.any([signal, stop.signal]),
      });
      const model = await models.find(modelId);
      if ('fault' in result || !model) {
        const detail = 'fault' in result ? result.fault : 'The model was removed meanwhile.';
        await move(id, ['profiling'], { state: 'failed', detail });
        return;
      }
      await db.prisma.$transaction(
        async (tx) => {
          const moved = await tx.driftUpload.updateMany({
            where: { id, state: 'profiling' },
            data: {
              state: 'done',
              progress: 1,
              rows: result.rows,
              updatedAt: clock.now(),
              detail: remarks(result),
            },
          });
          if (moved.count === 0) return;
          const referenceId = await references.store(tx, authority, {
            model,
            name,
            source: 'upload',
            detail: fileName,
            rows: result.rows,
            profile: result,
          });
          await tx.driftUpload.update({
            where: { id },
            data: { referenceId },
            select: { id: true },
          });
        },
        { timeout: 60_000, maxWait: 10_000 },
      );
    } catch (err) {
      if (signal.aborted || stop.signal.aborted) return;
      log.warn({ err, upload: id }, 'an upload could not be profiled');
      const detail =
        err instanceof AppError
          ? err.publicMessage
          : 'The file could not be profiled; see the log.';
      await move(id, ['profiling'], { state: 'failed', detail }).catch(() => false);
    } finally {
      clearInterval(watch);
      dropFile(id);
      announce(id);
    }
  };

  const sweep: Uploads['sweep'] = async () => {
    const now = clock.now().getTime();
    const old = new Date(now - UPLOAD_HOURS * 3_600_000);
    await db.prisma.driftUpload.updateMany({
      where: { place, state: { in: ['receiving', 'received'] }, updatedAt: { lt: old } },
      data: {
        state: 'failed',
        detail: `Nobody confirmed it within ${UPLOAD_HOURS} hours.`,
        updatedAt: clock.now(),
      },
    });
    await db.prisma.driftUpload.deleteMany({
      where: { state: { notIn: live }, updatedAt: { lt: new Date(now - KEEP_ROWS_MS) } },
    });
    if (!existsSync(folder)) return;
    const files = readdirSync(folder);
    const kept = await db.prisma.driftUpload.findMany({
      where: { place, state: { in: live } },
      select: { id: true },
    });
    const ids = new Set(kept.map(({ id }) => id));
    for (const file of files) if (!ids.has(file)) rmSync(path.join(folder, file), { force: true });
  };

  return {
    sweep,
    async list({ limit, cursor, modelId }) {
      const rows = await db.prisma.driftUpload.findMany({
        where: { ...(modelId ? { modelId } : {}), ...(cursor ? { id: { lt: cursor } } : {}) },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: columns,
      });
      const items = rows.slice(0, limit).map(toItem);
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    get: async (id) => toItem(await find(id)),
    async create(authority, input) {
      const { modelId, fileName, sizeBytes } = input;
      if (sizeBytes > maxBytes) {
        throw new AppError(
          'PAYLOAD_TOO_LARGE',
          `The file has ${megabytes(sizeBytes)}; at most ${megabytes(maxBytes)} are taken (WHEELHOUSE_UPLOAD_MAX_BYTES).`,
        );
      }
      if (!(await models.find(modelId))) throw fieldFault('modelId', 'There is no such model');
      makeFolder(folder, 0o700);
      const disk = await statfs(folder);
      if (disk.bavail * disk.bsize < sizeBytes * 1.1) {
        throw new AppError('CONFLICT', 'The data folder has no room for this file.');
      }
      const now = clock.now();
      const id = newId(now);
      await db.tx(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(${ROOM_LOCK})`;
        const held = await tx.driftUpload.aggregate({
          where: { place, state: { in: live } },
          _sum: { sizeBytes: true },
        });
        if (Number(held._sum.sizeBytes ?? 0n) + sizeBytes > SPOOL_FILES * maxBytes) {
          throw new AppError(
            'CONFLICT',
            'Other uploads take all the room; confirm or cancel them first.',
          );
        }
        await tx.driftUpload.create({
          data: {
            id,
            modelId,
            fileName,
            sizeBytes,
            state: 'receiving',
            place,
            createdAt: now,
            createdBy: authority.actor.name,
            updatedAt: now,
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'drift.uploads.create',
          target: { kind: 'upload', id, name: fileName },
          after: { modelId, fileName, sizeBytes },
        });
      });
      return { id, partBytes: PART_BYTES };
    },
    async append(id, offset, part) {
      const row = await find(id);
      const total = Number(row.sizeBytes);
      if (row.state !== 'receiving') {
        throw new AppError('CONFLICT', `This upload is ${row.state}; nothing is appended to it.`);
      }
      if (row.place !== place) {
        throw new AppError('CONFLICT', 'This upload began with another process of the console.');
      }
      if (offset !== Number(row.receivedBytes)) {
        throw new AppError(
          'CONFLICT',
          `Go on from byte ${row.receivedBytes}; this part begins at ${offset}.`,
        );
      }
      if (receiving.has(id))
        throw new AppError('CONFLICT', 'A part of this upload is being received.');
      receiving.add(id);
      const file = fileOf(id);
      try {
        makeFolder(folder, 0o700);
        // What a part left that broke off goes.
        if (existsSync(file)) await truncate(file, offset);
        else if (offset > 0) {
          await move(id, ['receiving'], {
            state: 'failed',
            detail: 'The file is gone from the data folder.',
          });
          throw new AppError('CONFLICT', 'What was received is gone; send the file again.');
        }
        let length = 0;
        await pipeline(
          part,
          async function* (source) {
            for await (const chunk of source) {
              const bytes: Buffer = chunk;
              length += bytes.length;
              if (length > PART_BYTES || offset + length > total) {
                throw new AppError(
                  'PAYLOAD_TOO_LARGE',
                  length > PART_BYTES
                    ? `A part has at most ${PART_BYTES} bytes; send the file in several.`
                    : `More comes than the ${total} bytes that were announced.`,
                );
              }
              yield bytes;
            }
          },
          createWriteStream(file, {
            flags: existsSync(file) ? 'r+' : 'w',
            start: offset,
            mode: 0o600,
          }),
        );
        const receivedBytes = offset + length;
        const complete = receivedBytes === total;
        const on = await move(id, ['receiving'], {
          receivedBytes,
          state: complete ? 'received' : 'receiving',
        });
        if (!on) {
          dropFile(id);
          throw new AppError('CONFLICT', 'The upload was cancelled.');
        }
        if (complete) announce(id);
        return { receivedBytes, complete };
      } finally {
        receiving.delete(id);
      }
    },
    async preview({ id, ...hints }, signal) {
      const row = await whole(id);
      const model = await models.find(row.modelId);
      if (!model) throw notFound();
      const features = model.features.filter(({ gone }) => !gone);
      const task: PreviewTask = { file: fileOf(id), hints: hintsOf(hints), features };
      const look = await workers.run<FileLook>(COMPUTE, 'previewTask', task, {
        timeoutMs: PREVIEW_TIMEOUT_MS,
        ...(signal ? { signal } : {}),
      });
      return previewOf(look, features);
    },
    async confirm(authority, input) {
      const row = await whole(input.id);
      const preview = await this.preview({ id: input.id, ...hintsOf(input) });
      if (!preview.ok) throw new AppError('BAD_REQUEST', preview.fault);
      const model = await models.find(row.modelId);
      if (!model) throw notFound();
      const found = chooseColumns(
        preview,
        model.features.filter(({ gone }) => !gone),
        input.columns,
      );
      if (!('chosen' in found)) throw fieldFault(found.path, found.message);
      const { chosen } = found;
      const { timeColumn } = input;
      if (timeColumn !== undefined && !preview.columns.some(({ name }) => name === timeColumn)) {
        throw fieldFault('timeColumn', `The file has no column ${timeColumn}`);
      }
      await references.assertRoom(model.id, input.name);
      await db.tx(async (tx) => {
        const { count } = await tx.driftUpload.updateMany({
          where: { id: row.id, state: 'received' },
          data: { state: 'profiling', progress: 0, updatedAt: clock.now() },
        });
        if (count === 0)
          throw new AppError('CONFLICT', 'Somebody else confirmed or cancelled this upload.');
        await audit.append(tx, authority, {
          action: 'drift.uploads.confirm',
          target: { kind: 'upload', id: row.id, name: row.fileName },
          after: {
            name: input.name,
            columns: chosen.map(({ name, column }) => ({ name, column })),
            timeColumn: input.timeColumn ?? null,
          },
        });
      });
      const abort = new AbortController();
      const task: ProfileTask = {
        file: fileOf(row.id),
        hints: hintsOf({ ...preview, ...hintsOf(input) }),
        features: chosen,
        timeColumn: input.timeColumn ?? null,
        size: sampleSize(chosen.length),
        seed: 1,
        progress: new Int32Array(new SharedArrayBuffer(8)),
      };
      const done = profile(authority, row, task, input.name, abort.signal).finally(() =>
        profiling.delete(row.id),
      );
      profiling.set(row.id, { abort, done });
      announce(row.id);
    },
    async cancel(authority, id) {
      const row = await find(id);
      await db.tx(async (tx) => {
        const { count } = await tx.driftUpload.updateMany({
          where: { id, state: { in: live } },
          data: { state: 'cancelled', updatedAt: clock.now() },
        });
        if (count === 0) throw new AppError('CONFLICT', `This upload is ${row.state} already.`);
        await audit.append(tx, authority, {
          action: 'drift.uploads.cancel',
          target: { kind: 'upload', id, name: row.fileName },
          before: { state: row.state },
        });
      });
      profiling.get(id)?.abort.abort();
      // A part that is being written finds that it was cancelled, and removes the file.
      if (!receiving.has(id)) dropFile(id);
      announce(id);
    },
    async idle() {
      await Promise.all([...profiling.values()].map(({ done }) => done));
    },
    async start() {
      // Nobody else works in this folder: what was being profiled died with the process before.
      await db.prisma.driftUpload.updateMany({
        where: { place, state: 'profiling' },
        data: {
          state: 'failed',
          detail: 'The console was restarted while it profiled the file; send the file again.',
          updatedAt: clock.now(),
        },
      });
      const waiting = await db.prisma.driftUpload.findMany({
        where: { place, state: { in: ['receiving', 'received'] } },
        select: { id: true, receivedBytes: true },
      });
      for (const { id, receivedBytes } of waiting) {
        const size = await stat(fileOf(id)).then(
          ({ size }) => size,
          () => 0,
        );
        if (size >= Number(receivedBytes)) continue;
        await move(id, ['receiving', 'received'], {
          state: 'failed',
          detail: 'The file is gone from the data folder.',
        });
      }
      await sweep();
      timer = setInterval(() => {
        sweep().catch((err) => log.warn({ err }, 'uploads could not be swept'));
      }, SWEEP_EVERY_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      for (const { abort } of profiling.values()) abort.abort();
      await Promise.all([...profiling.values()].map(({ done }) => done));
    },
  };
}

/** What was odd in a file that could be read. */
function remarks(result: Exclude<ProfileResult, { fault: string }>): string | null {
  const said: string[] = [];
  if (result.ragged > 0) {
    said.push(
      `${result.ragged} rows have another number of cells than the first (lines ${result.raggedLines.join(', ')})`,
    );
  }
  if (result.withoutTime > 0)
    said.push(`${result.withoutTime} rows have no time that can be read and are not in the sample`);
  for (const { name, notNumeric, examples } of result.features) {
    if (notNumeric === 0) continue;
    const [first] = examples;
    const which =
      notNumeric === 1
        ? `1 value of ${name} is no number and counts`
        : `${notNumeric} values of ${name} are no numbers and count`;
    said.push(`${which} as missing (“${first?.text}” in line ${first?.line})`);
  }
  return said.length === 0 ? null : `${said.slice(0, 10).join('; ')}.`;
}
