/** How figures of forecasts and resources are written. Pure. */
import type { Unit } from '../../server/forecasts/contract.ts';
import { formatDuration } from '../format/duration.ts';
import { formatOf as formatOfMetric } from '../metrics/units.ts';

const milliseconds = (value: number): string => formatDuration(value / 1_000);

export const formatOf = (unit: Unit): ((value: number) => string) =>
  unit === 'milliseconds' ? milliseconds : formatOfMetric(unit);

export const unitWords: Readonly<Record<Unit, string>> = {
  number: 'Number',
  ratio: 'Percent (shares from 0 to 1)',
  milliseconds: 'Milliseconds',
  seconds: 'Seconds',
  bytes: 'Bytes',
  perSecond: 'Per second',
};
