/** One run of a monitor: a window of predictions beside the reference, with the verdict and the sentence that says why. */
import type { Model, Models } from '../../models/index.ts';
import type { Comparer } from '../compare.ts';
import type { FeatureDrift } from '../contract.ts';
import { readCategory } from '../statistics/cells.ts';
import type { FeaturePair } from '../statistics/compare.ts';
import { type RunVerdict, type Season, WINDOW_ROWS } from './contract.ts';
import type { LoadedColumn, LoadedReference, References } from './references.ts';
import { samePhase } from './windows.ts';

const COMPARE_TIMEOUT_MS = 120_000;

export type RunPlan = {
  modelId: string;
  referenceId: string | null;
  features: readonly string[];
  season: Season;
  minimumRows: number;
  alpha: number;
};
export type RunResult = {
  verdict: RunVerdict;
  detail: string;
  referenceRows: number;
  currentRows: number;
  features: FeatureDrift[];
};
export type Runner = {
  run(plan: RunPlan, window: { from: Date; to: Date }, signal: AbortSignal): Promise<RunResult>;
};

const shortList = (names: readonly string[]): string =>
  names.length > 4
    ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`
    : names.join(', ');
/** Whether any check of the feature spoke, also where its distribution cannot be tested. */
export const hasDrifted = ({ reasons }: FeatureDrift): boolean => reasons.length > 0;

export function createRunner(deps: {
  models: Pick<Models, 'find' | 'reader'>;
  references: Pick<References, 'load'>;
  comparer: Comparer;
}): Runner {
  const { models, references, comparer } = deps;
  return {
    async run(plan, window, signal) {
      const counts = { referenceRows: 0, currentRows: 0 };
      const none = (verdict: 'not_testable' | 'failed', detail: string): RunResult => ({
        verdict,
        detail,
        ...counts,
        features: [],
      });
      const model = await models.find(plan.modelId);
      if (!model) return none('failed', 'The model was removed.');
      const chosen = chooseFeatures(model, plan.features);
      if ('gone' in chosen) {
        return none(
          'failed',
          `The model has no feature ${shortList(chosen.gone)} any more; choose the features anew.`,
        );
      }
      const names = chosen.features.map(({ name }) => name);
      const reference = plan.referenceId && (await references.load(plan.referenceId, names));
      if (!reference) return none('failed', 'The reference was removed; choose another.');
      const kindOf = new Map(reference.columns.map(({ name, kind }) => [name, kind]));
      const features = chosen.features.filter(({ name, kind }) => kindOf.get(name) === kind);
      if (features.length === 0) {
        return none(
          'failed',
          `The reference ${reference.name} has none of the features: ${shortList(names)}.`,
        );
      }
      const current = await models.reader.window(model.no, window, {
        features,
        maxRows: WINDOW_ROWS,
        signal,
      });
      counts.currentRows = current.total;
      if (current.total < plan.minimumRows) {
        return none(
          'not_testable',
          `The window has ${current.total} predictions; ${plan.minimumRows} are needed.`,
        );
      }
      const side = seasonSide(reference, window, plan.season);
      if (!side)
        return none('failed', 'The rows of the reference have no times, which a season needs.');
      counts.referenceRows = side.rows;
      if (side.rows < plan.minimumRows) {
        return none(
          'not_testable',
          `The reference has ${side.rows} rows${plan.season === 'none' ? '' : ' of the same season'}; ${plan.minimumRows} are needed.`,
        );
      }
      const columns = new Map(reference.columns.map((column) => [column.name, column]));
      const pairs = current.columns.flatMap((column): FeaturePair[] => {
        const past = columns.get(column.name);
        return past ? [pairOf(past, column, side)] : [];
      });
      const compared = await comparer.compare(
        pairs,
        { alpha: plan.alpha },
        { timeoutMs: COMPARE_TIMEOUT_MS, signal },
      );
      return { ...counts, features: compared.features, ...judged(compared.features, names) };
    },
  };
}

function chooseFeatures(
  model: Model,
  wanted: readonly string[],
): { gone: string[] } | { features: Model['features'] } {
  const known = model.features.filter(({ gone }) => !gone);
  const gone = wanted.filter((name) => !known.some((one) => one.name === name));
  if (gone.length > 0) return { gone };
  return {
    features: wanted.length === 0 ? known : known.filter(({ name }) => wanted.includes(name)),
  };
}

type Side = { rows: number; places: Uint32Array | null; blocks: Uint32Array | null };
/** Which rows of the reference are compared; null when it has no times and needs them. */
function seasonSide(
  reference: LoadedReference,
  window: { from: Date; to: Date },
  season: Season,
): Side | null {
  if (season === 'none') return { rows: reference.sampled, places: null, blocks: null };
  if (!reference.times) return null;
  const range = { from: window.from.getTime(), to: window.to.getTime() };
  const { places, blocks } = samePhase(reference.times, range, season);
  return { rows: places.length, places, blocks };
}

function pairOf(past: LoadedColumn, current: LoadedColumn, side: Side): FeaturePair {
  const { name } = past;
  const { places, blocks } = side;
  if (past.kind === 'numeric' && current.kind === 'numeric') {
    const reference = places
      ? Float64Array.from(places, (place) => past.values[place] ?? Number.NaN)
      : past.values;
    return {
      name,
      kind: 'numeric',
      reference,
      current: current.values,
      ...(blocks ? { referenceBlocks: blocks } : {}),
    };
  }
  const texts = (column: LoadedColumn): (string | null)[] =>
    column.kind === 'categorical' ? column.values.map(readCategory) : [];
  const values = texts(past);
  return {
    name,
    kind: 'categorical',
    reference: places ? Array.from(places, (place) => values[place] ?? null) : values,
    current: texts(current),
  };
}

function judged(
  features: readonly FeatureDrift[],
  wanted: readonly string[],
): { verdict: RunVerdict; detail: string } {
  const drifted = features.filter(hasDrifted);
  const compared = new Set(features.map(({ name }) => name));
  const absent = wanted.filter((name) => !compared.has(name));
  const without = absent.length > 0 ? ` The reference has no ${shortList(absent)}.` : '';
  const [first] = drifted;
  if (first) {
    const which = shortList(drifted.map(({ name }) => name));
    return {
      verdict: 'drifted',
      detail: `${drifted.length} of ${features.length} features drifted: ${which}. ${drifted.length > 1 ? `${first.name}: ` : ''}${first.reason}${without}`,
    };
  }
  const untestable = features.filter((feature) => feature.drifted === null);
  if (untestable.length === features.length) {
    const [one] = untestable;
    return {
      verdict: 'not_testable',
      detail: `No feature can be tested. ${one?.name}: ${one?.reason}${without}`,
    };
  }
  const some = untestable.length > 0 ? `; ${untestable.length} cannot be tested` : '';
  return {
    verdict: 'quiet',
    detail: `None of ${features.length} features drifted${some}.${without}`,
  };
}
