/** What states and measures of forecasts are called. Pure. */
import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import type { ForecastItem, Trend } from '../../../../server/forecasts/contract.ts';

export const forecastHref = (id: string): string => `/forecasts/forecast?id=${id}`;

const STEP_MS = { hour: 3_600_000, day: 86_400_000 } as const;
/** So many steps without a value are a series that has stopped, as far as is known. */
const SILENT_STEPS = 6;

function isSilent({
  last,
  refreshedAt,
  step,
}: Pick<ForecastItem, 'last' | 'refreshedAt' | 'step'>): boolean {
  if (!last || !refreshedAt) return false;
  return Date.parse(refreshedAt) - Date.parse(last.at) > (SILENT_STEPS + 1) * STEP_MS[step];
}

export function stateOf(
  item: Pick<ForecastItem, 'paused' | 'state' | 'anomalousSince' | 'last' | 'refreshedAt' | 'step'>,
): {
  kind: StatusKind;
  word: string;
} {
  if (item.paused) return { kind: 'off', word: 'Paused' };
  if (item.state === 'failed') return { kind: 'warn', word: 'Failed' };
  if (item.state === 'ok' && isSilent(item)) return { kind: 'warn', word: 'No values' };
  if (item.anomalousSince !== null) return { kind: 'bad', word: 'Unusual' };
  if (item.state === 'short') return { kind: 'unknown', word: 'Too short' };
  if (item.state === 'waiting') return { kind: 'off', word: 'Waiting' };
  return { kind: 'ok', word: 'As expected' };
}

export const trendWords: Readonly<Record<Trend, string>> = {
  up: '↗ Up',
  down: '↘ Down',
  stable: '→ Stable',
};

/** How much better than repeating the last season, by the backtest. */
export function againstFloor(item: Pick<ForecastItem, 'backtest'>): string {
  const { backtest } = item;
  if (!backtest) return '–';
  if (backtest.naive) return 'Repeats the season';
  const { mase, floorMase } = backtest;
  if (mase === null || floorMase === null || floorMase === 0) return 'Better';
  const gain = Math.round((1 - mase / floorMase) * 100);
  return gain > 0 ? `${gain} % better` : 'As good';
}
