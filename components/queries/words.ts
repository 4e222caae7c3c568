/** How the pages of queries and databases speak. */

import type {
  AdviceKind,
  ANALYZE_COST,
  ANALYZE_ROWS,
  ANALYZE_TIMEOUT_MS,
  DatabaseItem,
  QueryRange,
  WatchedKind,
} from '../../server/queries/contract.ts';

/** As in the contract, whose values would bring its schemas into the page. */
/** From here on EXPLAIN ANALYZE is refused, or cut off. */
export const analyzeLimits = {
  cost: 2_000_000 satisfies typeof ANALYZE_COST,
  rows: 10_000_000 satisfies typeof ANALYZE_ROWS,
  timeoutMs: 10_000 satisfies typeof ANALYZE_TIMEOUT_MS,
};
export const queryRanges = [
  '15m',
  '1h',
  '6h',
  '24h',
  '7d',
  '30d',
] as const satisfies readonly QueryRange[];
export const statementKinds = [
  'select',
  'insert',
  'update',
  'delete',
  'merge',
  'utility',
  'other',
] as const satisfies readonly WatchedKind[];

import type { StatusKind } from '../data/status-badge.tsx';
import { formatDuration } from '../format/duration.ts';

/** Of milliseconds. */
export const ms = (value: number): string => formatDuration(value / 1_000);

export const adviceWords: Readonly<Record<AdviceKind, string>> = {
  create_index: 'Index',
  drop_index: 'Drop index',
  reindex: 'Reindex',
  analyze: 'Analyze',
  cache: 'Cache',
  eager_load: 'N+1',
  batch: 'Batch',
  rewrite: 'Rewrite',
  none: 'None',
};
export const sourceWords = {
  own: 'This console',
  span: 'Span',
  auto_explain: 'auto_explain',
} as const;

export const queryHref = (id: string, range: string): string =>
  `/queries/query?id=${id}${range === '24h' ? '' : `&range=${range}`}`;
/** On one line. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

export const databaseHref = (id: string): string => `/databases/database?id=${id}`;

const states = {
  new: { kind: 'unknown', word: 'First look' },
  ok: { kind: 'ok', word: 'Good' },
  partial: { kind: 'warn', word: 'Incomplete' },
  failed: { kind: 'bad', word: 'Failed' },
  paused: { kind: 'off', word: 'Paused' },
} as const satisfies Record<DatabaseItem['state'], { kind: StatusKind; word: string }>;
export const stateOf = ({
  state,
}: Pick<DatabaseItem, 'state'>): { kind: StatusKind; word: string } => states[state];
