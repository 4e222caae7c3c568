import { z } from 'zod';
import { filterSchema, idPageSchema, isPlainText } from '../api/contract.ts';
import type { Severity } from '../notify/contract.ts';

export const incidentStatuses = ['open', 'acknowledged', 'resolved'] as const;
export type IncidentStatus = (typeof incidentStatuses)[number];

const noteSchema = z
  .string()
  .trim()
  .max(4_000, 'At most 4000 characters')
  .refine(
    (text) => isPlainText(text.replaceAll(/[\n\r\t]/g, '')),
    'Control and invisible characters are not accepted',
  );

export const incidentListSchema = idPageSchema.extend({
  status: z.enum(incidentStatuses).optional(),
  /** True for open and acknowledged ones. */
  unresolved: z.boolean().optional(),
  targetId: z.uuid().optional(),
  search: filterSchema.optional(),
});
export type IncidentListInput = z.infer<typeof incidentListSchema>;
export const incidentIdSchema = z.strictObject({ id: z.uuid() });
export const resolveSchema = z.strictObject({ id: z.uuid(), note: noteSchema.default('') });
export const noteInputSchema = z.strictObject({
  id: z.uuid(),
  note: noteSchema.min(1, 'Must not be empty'),
});
export const figuresSchema = z.strictObject({ days: z.number().int().min(1).max(365).default(30) });

export type TimelineEvent = {
  at: string;
  /** opened, joined, updated, state, remedy, suppressed, escalated, acknowledged, note, recovered, notified, resolved */
  kind: string;
  detail: string;
  actor: string | null;
};
export type IncidentItem = {
  id: string;
  title: string;
  status: IncidentStatus;
  severity: Severity;
  targetId: string | null;
  source: string;
  startedAt: string;
  openedAt: string;
  acknowledgedAt: string | null;
  acknowledgedBy: string | null;
  resolvedAt: string | null;
  escalated: boolean;
  targets: { id: string; name: string; recovered: boolean }[];
  /** The newest 50 events, oldest first. */
  timeline: TimelineEvent[];
};
export type IncidentDetail = Omit<IncidentItem, 'timeline'> & {
  resolvedBy: string | null;
  /** From the first sign of trouble to the incident. */
  detectMs: number;
  acknowledgeMs: number | null;
  recoverMs: number | null;
  /** Up to 500 events, oldest first. */
  timeline: (TimelineEvent & { id: string; data?: unknown })[];
};
export type IncidentFigures = {
  days: number;
  opened: number;
  unresolved: number;
  /** Of those, the ones that nobody has acknowledged. */
  untaken: number;
  /** Means over the incidents of these days; null without any. */
  meanDetectMs: number | null;
  meanAcknowledgeMs: number | null;
  meanRecoverMs: number | null;
};
