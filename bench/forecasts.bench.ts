/**
 * Forecasts: one of an hourly series of 700 points with its backtest from ten origins. Peer: statsmodels (Debian's
 * python3-statsmodels) fitting the same seasonal ARIMA orders to one of these series, in the same run; its search is as many
 * fits as ours, without a backtest. Targets: less than 1 s at the median, at least 10 times as fast.
 */
import { readFileSync } from 'node:fs';
import { forecastSeries } from '../server/forecasts/index.ts';
import { searchOrder } from '../server/forecasts/model/order-search.ts';
import { median, ms, print, python } from './measure.ts';

const POINTS = 700;
const HORIZON = 168;
const SERIES = 30;
/** Orders that the peer fits; the time of a whole search is so many times the mean as we tried orders. */
const PEER_ORDERS = [
  [1, 0, 1, 0, 1, 1],
  [2, 0, 2, 1, 1, 1],
  [1, 0, 0, 0, 1, 1],
];

const file = new URL('../server/forecasts/model/testdata/series.json', import.meta.url);
const { hourly }: { hourly: number[] } = JSON.parse(readFileSync(file, 'utf8'));
let state = 5;
const uniform = () => {
  state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return (state + 0.5) / 2 ** 32;
};
const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
/** The taxi trips, each time with other noise of a tenth of their deviation. */
const seriesOf = () => hourly.slice(0, POINTS).map((value) => value + 700 * normal());

const times: number[] = [];
let chosen = '';
for (let i = 0; i < SERIES; i++) {
  const begun = performance.now();
  const series = seriesOf().map((value, hour) => ({ at: hour * 3_600_000, value }));
  const answer = forecastSeries(
    { series, horizon: HORIZON, seasonality: [24, 168] },
    { elapsed: () => performance.now() - begun },
  );
  times.push(performance.now() - begun);
  chosen = answer.model;
}
const y = Float64Array.from(hourly.slice(0, POINTS));
let asked = 0;
const begun = performance.now();
searchOrder(y, 24, () => {
  asked++;
  return false;
});
const search = performance.now() - begun;
const fit = await python(
  `
import time, json, sys, warnings
warnings.filterwarnings('ignore')
from statsmodels.tsa.statespace.sarimax import SARIMAX
y = json.loads(sys.stdin.read())
times = []
for p, d, q, P, D, Q in ${JSON.stringify(PEER_ORDERS)}:
    t = time.perf_counter(); SARIMAX(y, order=(p, d, q), seasonal_order=(P, D, Q, 24)).fit(disp=0, maxiter=50); times.append(time.perf_counter() - t)
print(1000 * sum(times) / len(times))
`,
  JSON.stringify([...y]),
);
times.sort((a, b) => a - b);
const own = median(times);
const peer = fit === null ? null : fit * asked;
print([
  {
    what: `a forecast of ${POINTS} hours with its backtest, median of ${SERIES}`,
    took: ms(own),
    against: 'target 1000 ms',
  },
  { what: 'the slowest', took: ms(times.at(-1) ?? 0), against: 'cut off at 5000 ms' },
  {
    what: `the search alone (${asked} orders)`,
    took: ms(search),
    against: peer === null ? '' : `${(peer / search).toFixed(0)} × as fast`,
  },
  {
    what: `peer: statsmodels, a fit (mean of ${PEER_ORDERS.length}) × ${asked} orders`,
    took: peer === null ? 'no python3-statsmodels here' : ms(peer),
    against: peer === null ? '' : `the whole forecast is ${(peer / own).toFixed(0)} × as fast`,
  },
]);
console.log(`chosen: ${chosen}`);
