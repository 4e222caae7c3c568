/**
 * Forecasts: what a series will probably do, how sure that is, and how well it was foretold before.
 *
 * Kept ones (`service.ts`) are made again each hour or day by one replica (`refresh.ts`), each at a moment of its own, so
 * that a thousand never come at once. Each run is kept, and every value that comes is joined with what was expected of it a
 * day and a moment before: that is what its accuracy, its anomalies and the page show. Series come from the history of
 * targets, from spans and events of services, and from saved queries (`subjects.ts`); hours are those of UTC, days those
 * of a time zone (`grid.ts`).
 */

export { computeSchema, momentOf } from './contract.ts';
export { forecastsJobs } from './jobs.ts';
export { forecastSeries } from './model/forecast.ts';
export { createForecaster, type Forecaster } from './model/index.ts';
export { forecastsRouter } from './router.ts';
export { createForecasts, type ForecastKeeper } from './service.ts';
export { readSaved, unitOf } from './subjects.ts';
