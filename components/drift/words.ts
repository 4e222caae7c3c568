/** How monitors and runs are called, and which status they have. */
import type { DriftWindow, MonitorItem, RunVerdict } from '../../server/drift/contract.ts';
import type { StatusKind } from '../data/status-badge.tsx';
import { formatDuration } from '../format/duration.ts';
import { formatNumber } from '../format/number.ts';

type Status = { kind: StatusKind; word: string };

const states: Readonly<Record<MonitorItem['state'], Status>> = {
  new: { kind: 'off', word: 'Not run yet' },
  quiet: { kind: 'ok', word: 'Quiet' },
  drifting: { kind: 'bad', word: 'Drifting' },
  not_testable: { kind: 'unknown', word: 'Not testable' },
  failing: { kind: 'warn', word: 'Failing' },
};
export const monitorState = ({ state, paused }: Pick<MonitorItem, 'state' | 'paused'>): Status =>
  paused ? { kind: 'off', word: 'Paused' } : states[state];

export const verdictStatus: Readonly<Record<RunVerdict, Status>> = {
  quiet: { kind: 'ok', word: 'Quiet' },
  drifted: { kind: 'bad', word: 'Drifted' },
  not_testable: { kind: 'unknown', word: 'Not testable' },
  failed: { kind: 'warn', word: 'Failed' },
};

export const windowWords = ({ kind, size, step }: DriftWindow): string => {
  const show = (value: number) =>
    kind === 'time' ? formatDuration(value) : `${formatNumber(value)} rows`;
  return size === step ? `${show(size)}, one after another` : `${show(size)}, each ${show(step)}`;
};

/** How far a feature moved, in words that need no statistics. */
export function effectWord(effect: number | null): string {
  if (effect === null) return 'changed';
  if (effect < 0.25) return 'moved a little';
  return effect < 0.6 ? 'moved' : 'moved far';
}
