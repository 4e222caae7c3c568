import { z } from 'zod';
import { isPlainText, pageSchema } from '../api/contract.ts';

const MINUTE = 60_000;
/**
 * The kinds of what is kept. `ttlMs`: how long a value counts as new. `graceMs`: how much longer it may be shown while a
 * new one is fetched, or when that fails. What a change makes old is never shown, whatever these say.
 */
export const namespaces = {
  learnings: { ttlMs: 60 * MINUTE, graceMs: 10 * MINUTE },
  fixes: { ttlMs: 30 * MINUTE, graceMs: 10 * MINUTE },
  collaborations: { ttlMs: 15 * MINUTE, graceMs: 5 * MINUTE },
  predictions: { ttlMs: 60 * MINUTE, graceMs: 10 * MINUTE },
  registry: { ttlMs: 24 * 60 * MINUTE, graceMs: 60 * MINUTE },
  statistics: { ttlMs: 5 * MINUTE, graceMs: 5 * MINUTE },
  dashboards: { ttlMs: 5 * MINUTE, graceMs: 5 * MINUTE },
  queries: { ttlMs: 5 * MINUTE, graceMs: 5 * MINUTE },
  /** What pages show as it is now. */
  live: { ttlMs: 1_000, graceMs: 0 },
} as const;
export type Namespace = keyof typeof namespaces;
export const namespaceNames = Object.keys(namespaces).filter(
  (name): name is Namespace => name in namespaces,
);

const text = z
  .string()
  .min(1)
  .max(300)
  .refine(isPlainText, 'Control and invisible characters are not accepted');
export const evictSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('key'), value: text }),
  z.strictObject({ by: z.literal('tag'), value: text }),
  z.strictObject({ by: z.literal('namespace'), value: z.enum(namespaceNames) }),
  /** `*` stands for anything; all else for itself. */
  z.strictObject({
    by: z.literal('pattern'),
    value: text.refine((value) => value.includes(':'), 'Begin with a namespace, e.g. dashboards:*'),
  }),
]);
export type EvictInput = z.output<typeof evictSchema>;
const offset = z
  .string()
  .regex(/^\d{1,6}$/, 'Take it from nextCursor of the previous page')
  .nullish();
export const cachePageSchema = pageSchema.extend({ cursor: offset });
export type CachePage = z.output<typeof cachePageSchema>;

export type NamespaceItem = {
  name: Namespace;
  ttlMs: number;
  graceMs: number;
  /** In the memory of this process. */
  entries: number;
  bytes: number;
  /** Of this process, since it started. */
  hits: number;
  misses: number;
  /** 0–1; null when nobody asked yet. */
  hitRate: number | null;
  loads: number;
  /** Loads that failed. */
  failures: number;
  /** Values past their time that were shown while a new one came, or because none did. */
  stale: number;
  /** Values in Redis that could not be read; they were deleted. */
  unreadable: number;
};
export type CacheStatus = {
  /** `shared`: Redis behind the memory of each process. `process`: memory alone. */
  kept: 'shared' | 'process';
  redis: 'off' | 'up' | 'down';
  entries: number;
  bytes: number;
  bytesMax: number;
  hitRate: number | null;
  namespaces: NamespaceItem[];
};
export type CacheKeyItem = {
  key: string;
  namespace: Namespace;
  hits: number;
  bytes: number;
  ageMs: number;
  /** Until it counts as old; negative when it is. */
  freshForMs: number;
  tags: string[];
};
export type WarmKeyItem = {
  key: string;
  hour: string;
  /** Forecast of how often it is asked for within that hour. */
  expected: number;
  /** Of the same hour a day ago. */
  lastDay: number;
};
