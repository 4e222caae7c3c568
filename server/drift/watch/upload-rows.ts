/** Uploads as the database keeps them, and the folder of this process that holds their files. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../platform/clock.ts';
import type { Db, Prisma } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import type { UploadItem, UploadState } from './contract.ts';

export const uploadColumns = {
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
export type UploadRow = Prisma.DriftUploadGetPayload<{ select: typeof uploadColumns }>;
const states = ['receiving', 'received', 'profiling', 'done', 'failed', 'cancelled'] as const;
/** Those that have a file. */
export const liveStates: UploadState[] = ['receiving', 'received', 'profiling'];

export const toUpload = (row: UploadRow): UploadItem => ({
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
export const noUpload = () => new AppError('NOT_FOUND', 'There is no such upload.');

export type UploadRows = {
  folder: string;
  /** Which process holds a file: its host and folder. */
  place: string;
  fileOf(id: string): string;
  dropFile(id: string): void;
  find(id: string): Promise<UploadRow>;
  /** From one of some states into another; false when it is in none of them any more. */
  move(
    id: string,
    from: readonly UploadState[],
    data: Prisma.DriftUploadUpdateManyMutationInput,
  ): Promise<boolean>;
};

export function createUploadRows(deps: {
  db: Db;
  clock: Clock;
  dataDir: string;
  host: string;
}): UploadRows {
  const { db, clock } = deps;
  const folder = path.join(deps.dataDir, 'uploads');
  const fileOf = (id: string) => path.join(folder, id);
  return {
    folder,
    place: `${deps.host}:${folder}`,
    fileOf,
    dropFile: (id) => rmSync(fileOf(id), { force: true }),
    async find(id) {
      const row = await db.prisma.driftUpload.findUnique({ where: { id }, select: uploadColumns });
      if (!row) throw noUpload();
      return row;
    },
    async move(id, from, data) {
      const { count } = await db.prisma.driftUpload.updateMany({
        where: { id, state: { in: [...from] } },
        data: { ...data, updatedAt: clock.now() },
      });
      return count === 1;
    },
  };
}
