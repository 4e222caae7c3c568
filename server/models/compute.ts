/** Entry of the worker threads: figures of many labelled predictions, over time and by segment. */
import { type Figures, MAX_SEGMENTS } from './contract.ts';
import type { JudgeRule } from './judge.ts';
import { type JudgedErrors, judgeErrors } from './judge-errors.ts';
import { classification, regression } from './performance.ts';
import type { LabelledRows } from './reading.ts';

export type PerformanceTask = {
  rows: LabelledRows;
  regression: boolean;
  positiveLabel: string | null;
  fromMs: number;
  stepMs: number;
  steps: number;
  bySegment: boolean;
};
export type PerformanceResult = {
  overall: Figures | null;
  points: (Figures | null)[];
  segments: { value: string; labelled: number; figures: Figures | null }[];
};

export type ErrorsTask = {
  /** Labelled rows, of a regression. */
  reference: LabelledRows;
  current: LabelledRows;
  rule: JudgeRule;
};
const errorsOf = ({ total, truth, predicted }: LabelledRows) => ({
  labelled: total,
  errors: Float64Array.from(truth, (value, i) => Math.abs(Number(predicted[i]) - Number(value))),
});
export const judgeErrorsTask = ({ reference, current, rule }: ErrorsTask): JudgedErrors =>
  judgeErrors(errorsOf(reference), errorsOf(current), rule);

export function performanceTask(task: PerformanceTask): PerformanceResult {
  const { rows } = task;
  const labels = [...new Set([...rows.truth, ...rows.predicted])].sort(byValue);
  const places = new Map(labels.map((label, place) => [label, place]));
  const figuresOf = (chosen: readonly number[]): Figures | null => {
    if (chosen.length === 0) return null;
    if (task.regression) {
      return regression(
        Float64Array.from(chosen, (i) => Number(rows.truth[i])),
        Float64Array.from(chosen, (i) => Number(rows.predicted[i])),
      );
    }
    return classification(
      {
        labels,
        truth: Int32Array.from(chosen, (i) => places.get(rows.truth[i] ?? '') ?? 0),
        predicted: Int32Array.from(chosen, (i) => places.get(rows.predicted[i] ?? '') ?? 0),
        scores: Float64Array.from(chosen, (i) => rows.scores[i] ?? Number.NaN),
      },
      task.positiveLabel,
    );
  };
  const byStep: number[][] = Array.from({ length: task.steps }, () => []);
  const bySegment = new Map<string, number[]>();
  rows.times.forEach((time, i) => {
    byStep[Math.floor((time - task.fromMs) / task.stepMs)]?.push(i);
    if (!task.bySegment) return;
    const value = rows.segments[i] ?? '(none)';
    const list = bySegment.get(value);
    if (list) list.push(i);
    else bySegment.set(value, [i]);
  });
  return {
    overall: figuresOf([...rows.times.keys()]),
    // A matrix for each point would be most of the answer, and nobody sees it.
    points: byStep.map((chosen) => brief(figuresOf(chosen))),
    segments: [...bySegment]
      .sort((a, b) => b[1].length - a[1].length)
      .slice(0, MAX_SEGMENTS)
      .map(([value, chosen]) => ({
        value,
        labelled: chosen.length,
        figures: brief(figuresOf(chosen)),
      })),
  };
}

const brief = (figures: Figures | null): Figures | null =>
  figures?.kind === 'classification'
    ? {
        ...figures,
        labels: [],
        confusion: [],
        classes: [],
        calibration: figures.calibration && { ...figures.calibration, bins: [] },
      }
    : figures;

const byValue = (a: string, b: string): number => {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : 1) : x - y;
};
