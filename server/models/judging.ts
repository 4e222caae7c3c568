/** Judges each window of a model's labelled predictions once, when its labels are due, and says when answers became worse. */
import { z } from 'zod';
import type { Incidents } from '../incidents/index.ts';
import type { Bus } from '../platform/bus.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { Judgement } from './contract.ts';
import { publishModelEvent } from './events.ts';
import { judge } from './judge.ts';
import type { Model } from './model.ts';
import type { PredictionReader } from './reading.ts';

const SOURCE = 'models';
const DAY_MS = 86_400_000;
const share = z.object({ right: z.number(), labelled: z.number() });
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
  load: () => Promise<{ model: Model; judged: Judgement | null }[]>;
}): ModelJudge {
  const { db, bus, incidents, reader } = deps;
  const keyOf = (id: string) => `${SOURCE}:performance:${id}`;

  const judgeOne = async (model: Model, judged: Judgement | null, now: Date): Promise<boolean> => {
    const { watch } = model;
    // Two proportions are compared; a regression has no right answers.
    if (!watch.enabled || model.task === 'regression') return false;
    const windowMs = watch.windowSeconds * 1_000;
    const due = now.getTime() - model.labelDelaySeconds * 1_000;
    const to = new Date(Math.floor(due / windowMs) * windowMs);
    const from = new Date(to.getTime() - windowMs);
    if (judged && Date.parse(judged.window.to) >= to.getTime()) return false;
    const before = watch.reference
      ? { from: new Date(watch.reference.from), to: new Date(watch.reference.to) }
      : { from: new Date(now.getTime() - model.retentionDays * DAY_MS), to: from };
    const current = await reader.share(model.no, { from, to });
    if (current.labelled === 0) return false;
    const reference = await reader.share(model.no, before);
    const found = judge(reference, current, watch);
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
      const changed = await tx.model.updateMany({
        where: { id: model.id },
        data: {
          verdict,
          verdictDetail: found.detail,
          judged: figures,
          ...(verdict === model.verdict ? {} : { verdictAt: now }),
        },
      });
      if (changed.count === 0) return null;
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
            { label: 'Right answers', value: `${current.right} of ${current.labelled}` },
            { label: 'Reference', value: `${reference.right} of ${reference.labelled}` },
          ],
          mark: figures.window.to,
        });
        return id;
      }
      return verdict === 'steady' && model.verdict === 'fallen'
        ? incidents.ended(tx, { key: keyOf(model.id), endedAt: null, detail: found.detail })
        : null;
    });
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
          if (await judgeOne(model, judged, now)) count++;
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
