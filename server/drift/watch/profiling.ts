/**
 * A file that arrived whole is looked at, confirmed, and profiled by a worker into a reference, which is stored whole or not at all.
 * One file is profiled at a time, so that others find a worker meanwhile.
 */
import { existsSync } from 'node:fs';
import type { Models } from '../../models/index.ts';
import type { Audit, Authority } from '../../platform/audit.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { AppError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import type { Workers } from '../../platform/workers/index.ts';
import type { FileLook, PreviewTask, ProfileResult, ProfileTask } from '../intake/compute.ts';
import type { ConfirmUploadInput, PreviewUploadInput, UploadPreview } from './contract.ts';
import { chooseColumns, hintsOf, previewOf } from './preview.ts';
import { fieldFault, type References, sampleSize } from './references.ts';
import { noUpload, type UploadRow, type UploadRows } from './upload-rows.ts';

const COMPUTE = new URL('../intake/compute.ts', import.meta.url);
const PREVIEW_TIMEOUT_MS = 20_000;
const PROFILE_TIMEOUT_MS = 30 * 60_000;
const PROGRESS_EVERY_MS = 500;

export type Profiling = {
  preview(input: PreviewUploadInput, signal?: AbortSignal): Promise<UploadPreview>;
  /** Begins to profile; `get` says how far it is. */
  confirm(authority: Authority, input: ConfirmUploadInput): Promise<void>;
  /** Those that this process profiles. */
  running(): string[];
  stop(id: string): void;
  /** Waits for profiles that are being made. */
  idle(): Promise<void>;
  close(): Promise<void>;
};

export function createProfiling(deps: {
  db: Db;
  audit: Audit;
  clock: Clock;
  log: Log;
  workers: Workers;
  models: Pick<Models, 'find'>;
  references: References;
  rows: UploadRows;
  announce(id: string): void;
}): Profiling {
  const { db, audit, clock, log, workers, models, references, rows, announce } = deps;
  const { place, fileOf, find, move } = rows;
  const profiling = new Map<string, { abort: AbortController; done: Promise<void> }>();
  let last: Promise<unknown> = Promise.resolve();
  let closing = false;

  /** The file, when it is here and whole. */
  const whole = async (id: string): Promise<UploadRow> => {
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
  const preview: Profiling['preview'] = async ({ id, ...hints }, signal) => {
    const row = await whole(id);
    const model = await models.find(row.modelId);
    if (!model) throw noUpload();
    const features = model.features.filter(({ gone }) => !gone);
    const task: PreviewTask = { file: fileOf(id), hints: hintsOf(hints), features };
    const look = await workers.run<FileLook>(COMPUTE, 'previewTask', task, {
      timeoutMs: PREVIEW_TIMEOUT_MS,
      ...(signal ? { signal } : {}),
    });
    return previewOf(look, features);
  };

  type Job = { authority: Authority; row: UploadRow; task: ProfileTask; name: string };
  const store = async ({ authority, row, name }: Job, result: ProfileResult) => {
    const { id, modelId, fileName } = row;
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
        await tx.driftUpload.update({ where: { id }, data: { referenceId }, select: { id: true } });
      },
      { timeout: 60_000, maxWait: 10_000 },
    );
  };
  const profile = async (job: Job, signal: AbortSignal) => {
    const { row, task } = job;
    const { id } = row;
    const stop = new AbortController();
    let telling = false;
    const tell = async () => {
      if (telling) return;
      telling = true;
      const progress = Atomics.load(task.progress, 0) / 1e6;
      const read = Atomics.load(task.progress, 1);
      // Whoever cancelled it may have asked another process.
      const on = await move(id, ['profiling'], { progress, rows: read }).catch(() => true);
      if (on) announce(id);
      else stop.abort();
      telling = false;
    };
    const timer = setInterval(tell, PROGRESS_EVERY_MS);
    const either = AbortSignal.any([signal, stop.signal]);
    const turn = last.then(() =>
      workers.run<ProfileResult>(COMPUTE, 'profileTask', task, {
        timeoutMs: PROFILE_TIMEOUT_MS,
        signal: either,
      }),
    );
    last = turn.catch(() => undefined);
    try {
      await store(job, await turn);
    } catch (err) {
      if (stop.signal.aborted || (signal.aborted && !closing)) return;
      if (!closing) log.warn({ err, upload: id }, 'an upload could not be profiled');
      const detail = closing
        ? 'The console was stopped while it profiled the file; send the file again.'
        : err instanceof AppError
          ? err.publicMessage
          : 'The file could not be profiled; see the log.';
      // When that fails, too, the next sweep says it.
      await move(id, ['profiling'], { state: 'failed', detail }).catch(() => false);
    } finally {
      clearInterval(timer);
      rows.dropFile(id);
      announce(id);
    }
  };

  return {
    preview,
    running: () => [...profiling.keys()],
    stop: (id) => profiling.get(id)?.abort.abort(),
    async confirm(authority, input) {
      const row = await whole(input.id);
      const look = await preview({ id: input.id, ...hintsOf(input) });
      if (!look.ok) throw new AppError('BAD_REQUEST', look.fault);
      const model = await models.find(row.modelId);
      if (!model) throw noUpload();
      const features = model.features.filter(({ gone }) => !gone);
      const found = chooseColumns(look, features, input.columns);
      if (!('chosen' in found)) throw fieldFault(found.path, found.message);
      const { chosen } = found;
      const { timeColumn } = input;
      if (timeColumn !== undefined && !look.columns.some(({ name }) => name === timeColumn)) {
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
            timeColumn: timeColumn ?? null,
          },
        });
      });
      const abort = new AbortController();
      const task: ProfileTask = {
        file: fileOf(row.id),
        hints: hintsOf({ ...look, ...hintsOf(input) }),
        features: chosen,
        timeColumn: timeColumn ?? null,
        size: sampleSize(chosen.length),
        seed: 1,
        progress: new Int32Array(new SharedArrayBuffer(8)),
      };
      const job = { authority, row, task, name: input.name };
      const done = profile(job, abort.signal).finally(() => profiling.delete(row.id));
      profiling.set(row.id, { abort, done });
      announce(row.id);
    },
    async idle() {
      await Promise.all([...profiling.values()].map(({ done }) => done));
    },
    async close() {
      closing = true;
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
