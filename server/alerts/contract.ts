/**
 * What Alertmanager sends (webhook version 4) and Grafana in the same shape (version 1), and what they are answered.
 * Fields that are not named are ignored.
 */
import { z } from 'zod';

/** Alertmanager's own limit is `max_alerts`; this many fit into a body of 1 MiB in any case. */
export const MAX_ALERTS = 10_000;

const texts = z.record(z.string().max(1_000), z.string().max(100_000));

/** One alert. Looked at by itself, so that a bad one does not lose the others. */
export const alertSchema = z.object({
  status: z.enum(['firing', 'resolved'], 'firing or resolved'),
  labels: texts.refine((labels) => Object.keys(labels).length > 0, 'At least one label'),
  annotations: texts.nullish(),
  startsAt: z.string().max(64).nullish(),
  endsAt: z.string().max(64).nullish(),
  generatorURL: z.string().max(8_000).nullish(),
  fingerprint: z.string().max(200).nullish(),
});
export type AlertInput = z.infer<typeof alertSchema>;

export const alertmanagerSchema = z.object({
  version: z.enum(['4', '1'], 'Only version 4, or Grafana’s 1, is understood').optional(),
  receiver: z.string().max(1_000).nullish(),
  groupKey: z.string().max(20_000).nullish(),
  /** Alerts of the group that Alertmanager left out of this message (`max_alerts`). */
  truncatedAlerts: z.number().int().min(0).nullish(),
  externalURL: z.string().max(8_000).nullish(),
  alerts: z.array(z.unknown(), 'A list of alerts').max(MAX_ALERTS, `At most ${MAX_ALERTS} alerts`),
});
export type AlertmanagerInput = z.infer<typeof alertmanagerSchema>;

export const outcomes = ['opened', 'updated', 'unchanged', 'resolved', 'ignored'] as const;
/** `ignored`: nothing to do, e.g. resolved without having been open, or closed by hand for the same outage. */
export type Outcome = (typeof outcomes)[number];
export type AlertsResult = {
  received: number;
  truncatedAlerts: number;
  /** How many alerts ended which way. */
  outcomes: Record<Outcome, number>;
  /** Alerts that could not be read. */
  rejected: { index: number; fingerprint: string | null; reason: string }[];
};
