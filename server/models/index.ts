/**
 * Models: what they were asked, what they answered, and what was true.
 *
 * A model has a schema of features. Predictions come in by `models.predictions`, labels by `models.labels`, late or even before
 * their predictions; each is taken once, and what was answered is committed (`store.ts`). Figures are scikit-learn's
 * (`performance.ts`), over time and by segment; a prediction whose label is not due is pending and never wrong. A fall of the share of
 * right answers is judged window by window with a one-sided test of two proportions (`judge.ts`); it opens an incident and is an event
 * that others, such as retraining, may hear (`events.ts`).
 */
export { type ModelEvent, onModelEvent, publishModelEvent } from './events.ts';
export { modelsJobs } from './jobs.ts';
export type { Model } from './model.ts';
export type { PredictionWindow, WindowColumn } from './reading.ts';
export { modelsRouter } from './router.ts';
export { createModels, type Models } from './service.ts';
