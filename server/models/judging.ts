/** Judges each window of a model's labelled predictions once, when its labels are due, and says when answers became worse. */
import { z } from 'zod';
import type { Incidents } from '../incidents/index.ts';
import type { Bus } from '../platform/bus.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { Workers } from '../platform/workers/index.ts';
import type { ErrorsTask } from './compute.ts';
import type { JudgedSide, Judgement } from './contract.ts';
import { publishModelEvent } from './events.ts';
import { type Judged, judge } from './judge.ts';
import type { JudgedErrors } from './judge-errors.ts';
import type { Model } from './model.ts';
import type { PredictionReader, Range } from './reading.ts';

const SOURCE = 'models';
const DAY_MS = 86_400_000;
/** Labelled predictions of a side whose errors are compared; of more, a fair sample. */
const MAX_ERRORS = 20_000;
const JUDGE_TIMEOUT_MS = 30_000;
const share = z.object({
  labelled: z.number(),
  right: z.number().nullable(),
  mae: z.number().nullable().default(null),
});
const judgementSchema = z.object({
  window: share.extend({ from: z.string(), to: z.string() }),
  reference: share,
  drop: z.number(),
  pValue: z.number(),
});
export const readJudgement = (value: unknown): Judgement | null =>
  judgementSchema.safeParse(value).data ?? null;

export type ModelJudge = {
  /** Judges what is due; answers how many models. */
  run(now: Date, signal: AbortSignal): Promise<number>;
  /** Ends what is open of a model that goes; answers whom to announce. */
  forget(tx: Tx, modelId: string): Promise<string | null>;
};

export function createModelJudge(deps: {
  db: Db;
  bus: Bus;
  log: Log;
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>;
  reader: PredictionReader;
  workers: Workers;
  load: () => Promise<{ model: Model; judged: Judgement | null }[]>;
}): ModelJudge {
  const { db, bus, incidents, reader, workers } = deps;
  const keyOf = (id: string) => `${SOURCE}:performance:${id}`;

  type Compared = { found: Judged; current: JudgedSide; reference: JudgedSide };
  /** Errors of a regression, in a worker: ranks of many take a while. */
  const compareErrors = async (
    model: Model,
    ranges: { window: Range; before: Range },
    counts: { window: number; before: number },
    signal: AbortSignal,
  ): Promise<Compared> => {
    const read = (range: Range, total: number) =>
      reader.labelled(model.no, range, {
        total,
        maxRows: MAX_ERRORS,
        segment: null,
        version: null,
      });
    const task: ErrorsTask = {
      reference: await read(ranges.before, counts.before),
      current: await read(ranges.window, counts.window),
      rule: model.watch,
    };
    const found = await workers.run<JudgedErrors>(
      new URL('./compute.ts', import.meta.url),
      'judgeErrorsTask',
      task,
      { timeoutMs: JUDGE_TIMEOUT_MS, signal },
    );
    const { mae } = found;
    return {
      found,
      current: { labelled: counts.window, right: null, mae: mae.current },
      reference: { labelled: counts.before, right: null, mae: mae.reference },
    };
  };
  const compare = async (
    model: Model,
    ranges: { window: Range; before: Range },
    signal: AbortSignal,
  ): Promise<Compared | null> => {
    const current = await reader.share(model.no, ranges.window);
    if (current.labelled === 0) return null;
    const reference = await reader.share(model.no, ranges.before);
    if (model.task === 'regression') {
      const counts = { window: current.labelled, before: reference.labelled };
      return compareErrors(model, ranges, counts, signal);
    }
    return {
      found: judge(reference, current, model.watch),
      current: { ...current, mae: null },
      reference: { ...reference, mae: null },
    };
  };
  const factOf = ({ labelled, right, mae }: JudgedSide): string =>
    right === null
      ? `mean absolute error ${Number((mae ?? 0).toPrecision(4))} of ${labelled}`
      : `${right} of ${labelled} right`;

  const judgeOne = async (
    model: Model,
    judged: Judgement | null,
    now: Date,
    signal: AbortSignal,
  ): Promise<boolean> => {
    const { watch } = model;
    if (!watch.enabled) return false;
    const windowMs = watch.windowSeconds * 1_000;
    const due = now.getTime() - model.labelDelaySeconds * 1_000;
    const to = new Date(Math.floor(due / windowMs) * windowMs);
    const from = new Date(to.getTime() - windowMs);
    if (judged && Date.parse(judged.window.to) >= to.getTime()) return false;
    const before = watch.reference
      ? { from: new Date(watch.reference.from), to: new Date(watch.reference.to) }
      : { from: new Date(now.getTime() - model.retentionDays * DAY_MS), to: from };
    const compared = await compare(model, { window: { from, to }, before }, signal);
    if (!compared) return false;
    const { found, current, reference } = compared;
    // Too few labels say neither that it is well again nor that it is not.
    const verdict =
      found.verdict === 'learning' && model.verdict === 'fallen' ? 'fallen' : found.verdict;
    const figures: Judgement = {
      window: { from: from.toISOString(), to: to.toISOString(), ...current },
      reference,
      drop: found.verdict === 'learning' ? 0 : found.drop,
      pValue: found.verdict === 'learning' ? 1 : found.pValue,
    };
    const announced = await db.tx(async (tx) => {
      // Another replica may have judged it meanwhile, or the model is gone.
      const [row] = await tx.$queryRaw<{ judged: unknown }[]>`
        SELECT judged FROM models WHERE id = ${model.id}::uuid FOR UPDATE`;
      const known = readJudgement(row?.judged);
      if (!row || (known && Date.parse(known.window.to) >= to.getTime())) return 'known';
      await tx.model.updateMany({
        where: { id: model.id },
        data: {
          verdict,
          verdictDetail: found.detail,
          judged: figures,
          ...(verdict === model.verdict ? {} : { verdictAt: now }),
        },
      });
      if (found.verdict === 'fallen') {
        const { id } = await incidents.report(tx, {
          key: keyOf(model.id),
          source: SOURCE,
          title: `The answers of ${model.name} became worse`,
          severity: watch.severity,
          startedAt: from,
          sameOutage: false,
          detail: found.detail,
          facts: [
            { label: 'Model', value: model.name },
            { label: 'Window', value: `${figures.window.from} to ${figures.window.to}` },
            { label: 'Answers', value: factOf(current) },
            { label: 'Reference', value: factOf(reference) },
          ],
          mark: figures.window.to,
        });
        return id;
      }
      return verdict === 'steady' && model.verdict === 'fallen'
        ? incidents.ended(tx, { key: keyOf(model.id), endedAt: null, detail: found.detail })
        : null;
    });
    if (announced === 'known') return false;
    if (announced) incidents.announce(announced);
    bus.publish({ topic: 'models', type: 'judged', id: model.id });
    if (verdict === 'fallen' && model.verdict !== 'fallen') {
      publishModelEvent(bus, { type: 'performance.fell', modelId: model.id });
    }
    if (verdict === 'steady' && model.verdict === 'fallen') {
      publishModelEvent(bus, { type: 'performance.recovered', modelId: model.id });
    }
    return true;
  };

  return {
    async run(now, signal) {
      let count = 0;
      for (const { model, judged } of await deps.load()) {
        signal.throwIfAborted();
        try {
          if (await judgeOne(model, judged, now, signal)) count++;
        } catch (err) {
          // One model that cannot be read must not keep the others from being judged.
          deps.log.warn({ err, model: model.id }, 'a model could not be judged');
        }
      }
      return count;
    },
    forget: (tx, modelId) =>
      incidents.ended(tx, { key: keyOf(modelId), endedAt: null, detail: 'The model was removed.' }),
  };
}
