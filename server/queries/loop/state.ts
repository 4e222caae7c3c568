/** What advice is, as a row: its key, what it rests on, and what the figures before and after say. Pure. */
import type { Advice } from '../contract.ts';
import type { LoopFigures } from './contract.ts';

/** What makes two pieces of advice the same: what would be done, not why or how much it brings. */
export function adviceKey(advice: Advice): string {
  switch (advice.kind) {
    case 'create_index':
      return JSON.stringify([
        advice.kind,
        advice.table,
        advice.columns,
        advice.method,
        advice.opclass ?? '',
        advice.where ?? '',
        advice.include ?? [],
        (advice.order ?? []).some((order) => order === 'DESC') ? advice.order : [],
        advice.unique ?? false,
      ]);
    case 'drop_index':
    case 'reindex':
      return JSON.stringify([advice.kind, advice.table, advice.name]);
    case 'analyze':
      return JSON.stringify([advice.kind, advice.table]);
    case 'eager_load':
    case 'batch':
      return JSON.stringify([advice.kind, advice.parent ?? '', advice.child, advice.key]);
    case 'rewrite':
      return JSON.stringify([advice.kind, advice.pattern, advice.query]);
    default:
      return JSON.stringify([advice.kind, advice.query]);
  }
}

/** What was dismissed comes back when it would save four times as much, or is proved at last. */
export function evidenceOf(advice: Advice): string {
  return `${advice.evidence?.method ?? 'none'} ${Math.round(advice.savedMsPerDay ?? 0)}`;
}

/** Whether advice that was dismissed on `then` is worth another look. */
export function isNewEvidence(then: string, now: string): boolean {
  const [methodThen = '', savedThen = '0'] = then.split(' ');
  const [methodNow = '', savedNow = '0'] = now.split(' ');
  const proved = methodNow === 'hypopg' && methodThen !== 'hypopg';
  return proved || Number(savedNow) >= 4 * Math.max(1, Number(savedThen));
}

/** Calls after which figures are believed at once; with fewer, after `PATIENCE_MS`. */
export const ENOUGH_CALLS = 20;
export const PATIENCE_MS = 10 * 60_000;
/** Without any call for so long there is nothing to say. */
export const SILENCE_MS = 24 * 3_600_000;
const WORTH_IT = 0.9;
const HURTS = 1.1;

export type Verdict =
  | { ready: false; detail: string }
  | { ready: true; proposal: 'keep' | 'drop' | null; detail: string };

/** What the figures say; `sinceMs` is the time since it was applied. `kind` may be one that saves space, not time. */
export function verdictOf(
  kind: string,
  before: LoopFigures | null,
  after: LoopFigures,
  sinceMs: number,
): Verdict {
  if (kind === 'drop_index') return afterDrop(before, after, sinceMs);
  if (after.calls === 0)
    return sinceMs < SILENCE_MS
      ? { ready: false, detail: 'None of the statements was called since.' }
      : { ready: true, proposal: null, detail: 'None of the statements was called for a day.' };
  if (after.calls < ENOUGH_CALLS && sinceMs < PATIENCE_MS)
    return { ready: false, detail: `${count(after.calls, 'call')} since.` };
  const now = after.meanMs ?? 0;
  if (before?.meanMs == null || before.meanMs <= 0)
    return {
      ready: true,
      proposal: null,
      detail: `${ms(now)} a call now; before, nobody measured it.`,
    };
  const writes = writesOf(before, after);
  const ratio = now / before.meanMs;
  const figures = `${ms(before.meanMs)} a call before, ${ms(now)} now`;
  if (ratio <= WORTH_IT)
    return {
      ready: true,
      proposal: 'keep',
      detail: `${figures}: ${times(1 / ratio)} faster.${writes}`,
    };
  return { ready: true, proposal: 'drop', detail: `${figures}: not notably faster.${writes}` };
}

function afterDrop(before: LoopFigures | null, after: LoopFigures, sinceMs: number): Verdict {
  if (sinceMs < PATIENCE_MS)
    return { ready: false, detail: 'Statements are watched for ten minutes.' };
  const slower =
    before?.meanMs != null &&
    after.meanMs !== null &&
    after.meanMs > before.meanMs * HURTS &&
    after.calls >= ENOUGH_CALLS;
  return slower
    ? {
        ready: true,
        proposal: 'drop',
        detail: `${ms(before?.meanMs ?? 0)} a call before, ${ms(after.meanMs ?? 0)} now: it was needed after all.`,
      }
    : {
        ready: true,
        proposal: 'keep',
        detail: `No statement of the table became slower.${writesOf(before, after)}`,
      };
}

function writesOf(before: LoopFigures | null, after: LoopFigures): string {
  if (before?.writeMeanMs == null || after.writeMeanMs === null) return '';
  return ` Writes to the table: ${ms(before.writeMeanMs)} before, ${ms(after.writeMeanMs)} now.`;
}

const count = (n: number, what: string): string =>
  `${Math.round(n)} ${what}${Math.round(n) === 1 ? '' : 's'}`;
const times = (factor: number): string =>
  `${factor >= 10 ? Math.round(factor) : factor.toFixed(1)} times`;
function ms(value: number): string {
  if (value >= 1_000) return `${(value / 1_000).toFixed(1)} s`;
  return `${value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3)} ms`;
}
