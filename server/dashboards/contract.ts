import { z } from 'zod';
import { idPageSchema, isPlainText } from '../api/contract.ts';
import { querySchema } from '../metrics/contract.ts';

export const COLUMNS = 12;
export const MAX_PANELS = 40;
export const visuals = ['line', 'area', 'bar', 'stat', 'table'] as const;
const name = z.string().trim().min(1, 'Must not be empty').max(100).refine(isPlainText);

/** Place and size in a grid of 12 columns and rows of 80 px. */
export const panelSchema = z.strictObject({
  id: z.string().regex(/^[\w-]{1,40}$/),
  title: z.string().trim().max(100).refine(isPlainText),
  x: z
    .number()
    .int()
    .min(0)
    .max(COLUMNS - 1),
  y: z.number().int().min(0).max(500),
  width: z.number().int().min(2).max(COLUMNS),
  height: z.number().int().min(1).max(12),
  visual: z.enum(visuals),
  /** How values are written: seconds, bytes, ratio, number or per second. */
  unit: z.enum(['number', 'seconds', 'bytes', 'ratio', 'perSecond']).default('number'),
  /** Its time range is replaced by the one of the page. */
  query: querySchema,
});
export type Panel = z.output<typeof panelSchema>;
const panels = z
  .array(panelSchema)
  .max(MAX_PANELS, `At most ${MAX_PANELS} panels`)
  .refine((list) => new Set(list.map(({ id }) => id)).size === list.length, 'Ids must differ');
export const dashboardCreateSchema = z.strictObject({ name, panels: panels.default([]) });
export const dashboardUpdateSchema = z.strictObject({
  id: z.uuid(),
  /** The version that was edited: refused when someone else changed it since. */
  version: z.number().int().min(1),
  name: name.optional(),
  panels: panels.optional(),
});
export const dashboardIdSchema = z.strictObject({ id: z.uuid() });
export const dashboardListSchema = idPageSchema;

export type DashboardItem = {
  id: string;
  name: string;
  panels: number;
  builtIn: boolean;
  version: number;
  updatedAt: string;
};
export type DashboardDetail = Omit<DashboardItem, 'panels'> & { panels: Panel[] };
export type DashboardCreate = z.output<typeof dashboardCreateSchema>;
export type DashboardUpdate = z.output<typeof dashboardUpdateSchema>;
export type DashboardList = z.output<typeof dashboardListSchema>;
