/** Spans, logs and other events as they were sent. Client-safe. */
import { z } from 'zod';
import { isStorable, pageSchema } from '../api/contract.ts';

export const eventKinds = ['span', 'log', 'event'] as const;
export type EventKind = (typeof eventKinds)[number];
/** How long events are kept. */
export const KEEP_DAYS = 7;

const word = z.string().max(2_048).refine(isStorable, 'Control characters are not accepted');
const scalar = z.union([word, z.number(), z.boolean()]);
export const eventsSchema = pageSchema.extend({
  cursor: z
    .string()
    .regex(/^\d{1,17}\.\d{1,19}$/, 'Take it from nextCursor of the previous page')
    .nullish(),
  kind: z.enum(eventKinds, `One of ${eventKinds.join(', ')}`).optional(),
  service: word.optional(),
  name: word.optional(),
  /** unset, ok or error for spans; trace, debug, info, warn, error or fatal for logs. */
  status: word.optional(),
  traceId: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/, '32 hexadecimal digits')
    .optional(),
  minDurationMs: z.number().min(0).max(1e12).optional(),
  /** Part of a log's text, or of a span's message. */
  search: z.string().trim().max(100).refine(isStorable).optional(),
  /** Attributes that must have exactly this value. */
  attributes: z
    .record(z.string().min(1).max(200).refine(isStorable), scalar)
    .refine((all) => Object.keys(all).length <= 10, 'At most 10 attributes')
    .optional(),
  /** Times of ending; without them everything that is kept. */
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
});
export type EventsInput = z.output<typeof eventsSchema>;

export const MAX_EVENTS = 1_000;
export const ingestEventsSchema = z.strictObject({
  /** Each is looked at by itself, so that a bad one does not lose the others. */
  events: z.array(z.unknown()).max(MAX_EVENTS, `At most ${MAX_EVENTS} events a call`),
});
export type IngestedEvents = { accepted: number; rejected: { index: number; reason: string }[] };

export type TelemetryEvent = {
  id: string;
  kind: EventKind;
  /** When it was over: the end of a span, the time of a log. */
  at: string;
  startedAt: string;
  service: string;
  name: string;
  durationMs: number | null;
  status: string;
  traceId: string | null;
  spanId: string | null;
  parentId: string | null;
  /** A log's text; a span's status message. */
  body: string | null;
  attributes: Record<string, string | number | boolean>;
};
