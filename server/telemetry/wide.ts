/** Wide events as `telemetry.ingest` takes them: one flat record of something that happened. Pure. */
import { z } from 'zod';
import { isPlainText } from '../api/contract.ts';
import { type Attributes, storable } from './attributes.ts';
import { type EventRow, type Events, timeFault } from './events.ts';

const MAX_BODY = 32 * 1024;
const MAX_ATTRIBUTES = 128;
const word = (max: number) =>
  z
    .string()
    .min(1, 'Must not be empty')
    .max(max, `At most ${max} characters`)
    .refine(isPlainText, 'Control and invisible characters are not accepted');
const hex = (bytes: number) =>
  z
    .string()
    .regex(
      new RegExp(`^(?!0+$)[0-9a-fA-F]{${bytes * 2}}$`),
      `${bytes * 2} hexadecimal digits, not all zero`,
    );
const value = z.union(
  [z.string().max(8_192, 'At most 8192 characters'), z.number(), z.boolean()],
  'A text, a number or a boolean',
);
const eventSchema = z.strictObject({
  name: word(500),
  at: z.iso.datetime({ offset: true, message: 'An ISO-8601 time with a zone' }).optional(),
  service: word(200).default('unknown_service'),
  durationMs: z.number().min(0, 'Must not be negative').max(1e12, 'At most 1e12').optional(),
  status: z.enum(['unset', 'ok', 'error'], 'One of unset, ok, error').default('unset'),
  body: z.string().max(MAX_BODY, `At most ${MAX_BODY} characters`).optional(),
  traceId: hex(16).optional(),
  spanId: hex(8).optional(),
  attributes: z
    .record(word(200), value)
    .refine((all) => Object.keys(all).length <= MAX_ATTRIBUTES, `At most ${MAX_ATTRIBUTES}`)
    .default({}),
});

/**
 * Events as rows, and as samples that Explore can draw: `event_duration_seconds` where one has a duration, and
 * `events` as a count, both by service, event and status.
 */
export function readWide(list: readonly unknown[], now: number): Events {
  const result: Events = { rows: [], samples: [], count: list.length, refused: new Map() };
  const counts = new Map<string, Events['samples'][number]>();
  list.forEach((item, index) => {
    const read = readOne(item, now);
    if (typeof read === 'string') {
      result.refused.set(index, read);
      return;
    }
    result.rows.push(read);
    const labels = { service: read.service, event: read.name, status: read.status };
    if (read.durationMs !== null) {
      result.samples.push({
        metric: 'event_duration_seconds',
        labels,
        at: read.at,
        value: read.durationMs / 1000,
      });
    }
    const key = JSON.stringify(labels);
    const known = counts.get(key);
    counts.set(key, {
      metric: 'events',
      labels,
      at: Math.max(known?.at ?? 0, read.at),
      value: (known?.value ?? 0) + 1,
      delta: true,
    });
  });
  result.samples.push(...counts.values());
  return result;
}

function readOne(item: unknown, now: number): EventRow | string {
  const parsed = eventSchema.safeParse(item);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `${issue?.path.join('.') || 'event'}: ${issue?.message ?? 'cannot be read'}`;
  }
  const { name, service, status, durationMs, body, traceId, spanId } = parsed.data;
  const at = parsed.data.at === undefined ? now : Date.parse(parsed.data.at);
  const attributes: Attributes = Object.fromEntries(
    Object.entries(parsed.data.attributes).map(([key, one]) => [
      key,
      typeof one === 'string' ? storable(one, 8_192) : one,
    ]),
  );
  return (
    timeFault('at', at, now) ?? {
      kind: 'event',
      at,
      service,
      name,
      durationMs: durationMs ?? null,
      status,
      traceId: traceId?.toLowerCase() ?? null,
      spanId: spanId?.toLowerCase() ?? null,
      parentId: null,
      body: body === undefined ? null : storable(body, MAX_BODY),
      attributes,
    }
  );
}
