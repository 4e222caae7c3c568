/** How advice is spoken of. */
import type {
  Advice,
  AdviceItem,
  AdviceState,
  LoopFigures,
} from '../../server/queries/contract.ts';
import type { StatusKind } from '../data/status-badge.tsx';
import { formatBytes } from '../format/bytes.ts';
import { count, formatNumber } from '../format/number.ts';
import { ms } from './words.ts';

/** In one line, without the table's statement. */
export function titleOf(advice: Advice): string {
  switch (advice.kind) {
    case 'create_index': {
      const method = advice.method === 'btree' ? '' : ` by ${advice.method.toUpperCase()}`;
      const columns = advice.columns.map((column, n) =>
        advice.order?.[n] === 'DESC' ? `${column} DESC` : column,
      );
      return `Index ${advice.table} (${columns.join(', ')})${method}${advice.where ? ` where ${advice.where}` : ''}`;
    }
    case 'drop_index':
      return `Drop the index ${advice.name} of ${advice.table}`;
    case 'reindex':
      return `Build the index ${advice.name} of ${advice.table} anew`;
    case 'analyze':
      return `Refresh the statistics of ${advice.table}`;
    case 'cache':
      return `Cache the answer for ${ms(advice.ttlSeconds * 1_000)}`;
    case 'eager_load':
      return `Load ${advice.child} together with ${advice.parent ?? 'its parent'}`;
    case 'batch':
      return `Ask for ${advice.child} in one statement instead of many`;
    case 'rewrite':
      return {
        'keyset-pagination': 'Page by key instead of OFFSET',
        'sargable-range': 'Compare the column itself',
        'exists-for-count': 'Ask whether there is one instead of counting',
        other: 'Write the statement otherwise',
      }[advice.pattern];
    default:
      return 'Nothing should be done';
  }
}

const states = {
  open: { kind: 'info', word: 'Open' },
  approved: { kind: 'info', word: 'Approved' },
  applying: { kind: 'info', word: 'Under way' },
  verifying: { kind: 'warn', word: 'Being compared' },
  kept: { kind: 'ok', word: 'Kept' },
  dropped: { kind: 'off', word: 'Taken back' },
  failed: { kind: 'bad', word: 'Failed' },
  dismissed: { kind: 'off', word: 'Dismissed' },
  gone: { kind: 'off', word: 'Not given any more' },
} as const satisfies Record<AdviceState, { kind: StatusKind; word: string }>;
export function adviceState({
  state,
  proposal,
  undoing,
}: Pick<AdviceItem, 'state' | 'proposal' | 'undoing'>): {
  kind: StatusKind;
  word: string;
} {
  if (undoing) return { kind: 'info', word: 'Being taken back' };
  if (state === 'verifying' && proposal) return { kind: 'warn', word: 'Decide' };
  return states[state];
}

const methods = {
  hypopg: 'proved with a hypothetical index (HypoPG)',
  planner: 'as the planner expects',
  statistics: 'estimated from statistics, not verified',
} as const;
/** What speaks for it, in figures. */
export function evidenceText({ evidence }: Advice): string | null {
  if (!evidence) return null;
  const { costBefore, costAfter, method, sizeBytes } = evidence;
  const times = costAfter > 0 ? costBefore / costAfter : 0;
  const factor =
    times >= 1.05
      ? `, ${times >= 10 ? formatNumber(Math.round(times)) : times.toFixed(1)} times less`
      : '';
  return `Cost of a call ${formatNumber(Math.round(costBefore))} → ${formatNumber(Math.round(costAfter))}${factor}, ${methods[method]}${sizeBytes === undefined ? '' : `; about ${formatBytes(sizeBytes)} large`}.`;
}

/** `3 h 20 m a day`. */
export const savedText = (savedMsPerDay: number): string =>
  savedMsPerDay >= 1 ? `${ms(savedMsPerDay)} a day` : '–';

export const figuresText = ({ calls, meanMs }: LoopFigures): string =>
  meanMs === null ? 'no calls' : `${ms(meanMs)} a call over ${count(Math.round(calls), 'call')}`;

/** How many times faster; null when it cannot be said. */
export function speedUp({ before, after }: Pick<AdviceItem, 'before' | 'after'>): number | null {
  if (!before?.meanMs || !after?.meanMs) return null;
  return before.meanMs / after.meanMs;
}
