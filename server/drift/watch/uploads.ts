/**
 * Files on their way to become references. They come in parts, so that each request is short and a broken line costs one part; they
 * lie in the data folder, bounded, and go when they were profiled, cancelled, or not confirmed within a day. A reference is
 * stored whole or not at all: what a restart breaks off is said.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '../../api/contract.ts';
import type { Models } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Bus } from '../../platform/bus.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import { newId } from '../../platform/ids.ts';
import type { Log } from '../../platform/log.ts';
import { makeFolder } from '../../platform/make-folder.ts';
import type { Workers } from '../../platform/workers/index.ts';
import {
  type CreateUploadInput,
  PART_BYTES,
  UPLOAD_HOURS,
  type UploadItem,
  type UploadListInput,
} from './contract.ts';
import { createProfiling, type Profiling } from './profiling.ts';
import { fieldFault, type References } from './references.ts';
import { createParts, type Parts } from './upload-parts.ts';
import { createUploadRows, liveStates, toUpload, uploadColumns } from './upload-rows.ts';

const SWEEP_EVERY_MS = 10 * 60_000;
/** Of all files of this folder, in files of the largest size; and how many there may be. */
const SPOOL_FILES = 2;
const MAX_LIVE = 100;
const KEEP_ROWS_MS = 30 * 86_400_000;
/** Whoever profiles a file says twice a second that it is at work; clocks of replicas differ. */
const SILENT_MS = { here: 30_000, elsewhere: 3_600_000 };
const ROOM_LOCK = 0x75706c64;

export type Uploads = Pick<Parts, 'append'> &
  Pick<Profiling, 'preview' | 'confirm' | 'idle'> & {
    list(input: UploadListInput): Promise<Page<UploadItem>>;
    get(id: string): Promise<UploadItem>;
    create(
      authority: Authority,
      input: CreateUploadInput,
    ): Promise<{ id: string; partBytes: number }>;
    cancel(authority: Authority, id: string): Promise<void>;
    /** Ends what nobody confirmed and what nobody works at, and removes files that belong to nothing. */
    sweep(): Promise<void>;
    start(): Promise<void>;
    close(): Promise<void>;
  };

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
  const { db, audit, clock, models, maxBytes, log } = deps;
  const announce = (id: string) => deps.bus.publish({ topic: 'drift', type: 'upload', id });
  const rows = createUploadRows(deps);
  const { folder, place, fileOf, find, move } = rows;
  const parts = createParts({ rows, announce });
  const profiling = createProfiling({ ...deps, rows, announce });
  let timer: NodeJS.Timeout | undefined;

  const sweep: Uploads['sweep'] = async () => {
    const now = clock.now();
    const since = (ms: number) => new Date(now.getTime() - ms);
    // Of whichever process: one that is gone for good says nothing any more.
    await db.prisma.driftUpload.updateMany({
      where: {
        state: { in: ['receiving', 'received'] },
        updatedAt: { lt: since(UPLOAD_HOURS * 3_600_000) },
      },
      data: {
        state: 'failed',
        detail: `Nobody confirmed it within ${UPLOAD_HOURS} hours.`,
        updatedAt: now,
      },
    });
    await db.prisma.driftUpload.updateMany({
      where: {
        state: 'profiling',
        id: { notIn: profiling.running() },
        OR: [
          { place, updatedAt: { lt: since(SILENT_MS.here) } },
          { updatedAt: { lt: since(SILENT_MS.elsewhere) } },
        ],
      },
      data: {
        state: 'failed',
        detail: 'Profiling broke off; send the file again.',
        updatedAt: now,
      },
    });
    await db.prisma.driftUpload.deleteMany({
      where: { state: { notIn: liveStates }, updatedAt: { lt: since(KEEP_ROWS_MS) } },
    });
    if (!existsSync(folder)) return;
    const files = readdirSync(folder);
    const kept = await db.prisma.driftUpload.findMany({
      where: { place, state: { in: liveStates } },
      select: { id: true },
    });
    const ids = new Set(kept.map(({ id }) => id));
    for (const file of files) if (!ids.has(file)) rmSync(path.join(folder, file), { force: true });
  };

  return {
    sweep,
    append: parts.append,
    preview: profiling.preview,
    confirm: profiling.confirm,
    idle: profiling.idle,
    async list({ limit, cursor, modelId }) {
      const found = await db.prisma.driftUpload.findMany({
        where: { ...(modelId ? { modelId } : {}), ...(cursor ? { id: { lt: cursor } } : {}) },
        orderBy: { id: 'desc' },
        take: limit + 1,
        select: uploadColumns,
      });
      const items = found.slice(0, limit).map(toUpload);
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    get: async (id) => toUpload(await find(id)),
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
          where: { place, state: { in: liveStates } },
          _sum: { sizeBytes: true },
          _count: true,
        });
        const bytes = Number(held._sum.sizeBytes ?? 0n) + sizeBytes;
        if (bytes > SPOOL_FILES * maxBytes || held._count >= MAX_LIVE) {
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
    async cancel(authority, id) {
      const row = await find(id);
      await db.tx(async (tx) => {
        const { count } = await tx.driftUpload.updateMany({
          where: { id, state: { in: liveStates } },
          data: { state: 'cancelled', updatedAt: clock.now() },
        });
        if (count === 0) throw new AppError('CONFLICT', `This upload is ${row.state} already.`);
        await audit.append(tx, authority, {
          action: 'drift.uploads.cancel',
          target: { kind: 'upload', id, name: row.fileName },
          before: { state: row.state },
        });
      });
      profiling.stop(id);
      // A part that is being written finds that it was cancelled, and removes the file.
      if (!parts.writing(id)) rows.dropFile(id);
      announce(id);
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
      await profiling.close();
    },
  };
}
