/** The features of a model as they stand in the database: each has a place among the values of a row, which is never given anew. Pure. */
import { z } from 'zod';
import { type Feature, featureKinds } from './contract.ts';

const storedSchema = z.array(
  z.object({
    name: z.string(),
    kind: z.enum(featureKinds),
    unit: z.string().optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    place: z.number(),
    /** No feature of the model any more; old rows still have its values. */
    gone: z.boolean().optional(),
  }),
);
export type StoredFeature = z.output<typeof storedSchema>[number];

/** Features that a model ever had, of one kind. */
export const MAX_PLACES = 1_000;

export const readFeatures = (value: unknown): StoredFeature[] => storedSchema.parse(value);

export const shownFeatures = (stored: readonly StoredFeature[]): Feature[] =>
  stored.filter(({ gone }) => !gone).map(({ place, gone, ...feature }) => feature);

/** What is kept, what comes back and what is new; null when a kind runs out of places. */
export function withFeatures(
  before: readonly StoredFeature[],
  wanted: readonly Feature[],
): StoredFeature[] | null {
  const next = { numeric: 0, categorical: 0 };
  for (const { kind, place } of before) next[kind] = Math.max(next[kind], place + 1);
  const kept = wanted.map((feature): StoredFeature => {
    const known = before.find(({ name, kind }) => name === feature.name && kind === feature.kind);
    return { ...feature, place: known?.place ?? next[feature.kind]++ };
  });
  if (Math.max(next.numeric, next.categorical) > MAX_PLACES) return null;
  const gone = before
    .filter(({ name, kind }) => !wanted.some((one) => one.name === name && one.kind === kind))
    .map((feature) => ({ ...feature, gone: true }));
  return [...kept, ...gone];
}
