/** OTLP spans and log records as events, and as samples that Explore can draw. Pure. */
import {
  type Attributes,
  attributesOf,
  millis,
  type Resource,
  resourceOf,
  scalarOf,
  storable,
} from './attributes.ts';
import { type EventKind, KEEP_DAYS } from './contract.ts';
import type { Message } from './message.ts';
import type { Sample } from './points.ts';

export type EventRow = {
  kind: EventKind;
  /** Milliseconds since 1970, with microseconds after the point. */
  at: number;
  service: string;
  name: string;
  durationMs: number | null;
  status: string;
  /** Hex. */
  traceId: string | null;
  spanId: string | null;
  parentId: string | null;
  body: string | null;
  attributes: Attributes;
};
export type Events = {
  rows: EventRow[];
  samples: Sample[];
  /** Spans or records in the request. */
  count: number;
  refused: Map<number, string>;
};

const MAX_FUTURE_MS = 10 * 60_000;
const KEEP_MS = KEEP_DAYS * 86_400_000;
const MAX_NAME = 500;
const MAX_BODY = 32 * 1024;
const MAX_EVENTS_OF_SPAN = 128;
/** Spans or records between two stops, so that a large request does not keep everything else waiting. */
const AT_ONCE = 500;

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const kindNames = Object.fromEntries(
  kinds.map((kind, n) => [`SPAN_KIND_${kind.toUpperCase()}`, n]),
);
const statuses = ['unset', 'ok', 'error'];
const statusNames = { STATUS_CODE_UNSET: 0, STATUS_CODE_OK: 1, STATUS_CODE_ERROR: 2 };
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
// Four numbers a level, from 1 on: SEVERITY_NUMBER_INFO, …INFO2, …
const severityNames = Object.fromEntries([
  ['SEVERITY_NUMBER_UNSPECIFIED', 0],
  ...levels.flatMap((level, n) =>
    ['', '2', '3', '4'].map((more, k) => [
      `SEVERITY_NUMBER_${level.toUpperCase()}${more}`,
      n * 4 + k + 1,
    ]),
  ),
]);

/** Why this moment is refused. */
export function timeFault(field: string, at: number, now: number): string | null {
  if (at <= 0) return `${field}: missing`;
  if (at > now + MAX_FUTURE_MS) return `${field}: more than 10 minutes in the future`;
  if (at < now - KEEP_MS) return `${field}: older than ${KEEP_DAYS} days`;
  return null;
}

const zero = /^0*$/;
/** `null` when absent or all zero, `undefined` when it has the wrong length. */
function identifierOf(text: string, bytes: number): string | null | undefined {
  if (text === '' || (text.length === bytes * 2 && zero.test(text))) return null;
  return text.length === bytes * 2 ? text : undefined;
}

/** What a process says of itself at length is not kept with each of its events. */
const resourceAttributes = ({ attributes }: Resource): Message[] =>
  attributes.filter((pair) => !/^(process|telemetry)\./.test(pair.text(1, 'key')));

export function* readSpans(request: Message, now: number): Generator<void, Events> {
  const result: Events = { rows: [], samples: [], count: 0, refused: new Map() };
  const seen = new Set<string>();
  for (const group of request.messages(1, 'resourceSpans')) {
    const resource = resourceOf(group);
    const common = resourceAttributes(resource);
    for (const scope of group.messages(2, 'scopeSpans')) {
      for (const span of scope.messages(2, 'spans')) {
        const index = result.count++;
        if (index % AT_ONCE === AT_ONCE - 1) yield;
        const refused = readSpan(span, { resource, common, now, seen }, result);
        if (refused !== null) result.refused.set(index, refused);
      }
    }
  }
  return result;
}

function readSpan(
  span: Message,
  context: { resource: Resource; common: Message[]; now: number; seen: Set<string> },
  result: Events,
): string | null {
  const { resource, common, now, seen } = context;
  const traceId = identifierOf(span.identifier(1, 'traceId'), 16);
  const spanId = identifierOf(span.identifier(2, 'spanId'), 8);
  const parentId = identifierOf(span.identifier(4, 'parentSpanId'), 8);
  if (!traceId) return 'traceId: must be 16 bytes that are not all zero';
  if (!spanId) return 'spanId: must be 8 bytes that are not all zero';
  if (parentId === undefined) return 'parentSpanId: must be 8 bytes or empty';
  const start = span.fixed(7, 'startTimeUnixNano');
  const end = span.fixed(8, 'endTimeUnixNano');
  const at = millis(end);
  const fault = timeFault('endTimeUnixNano', at, now);
  if (fault) return fault;
  if (start <= 0n || start > end) return 'startTimeUnixNano: must be before endTimeUnixNano';
  // Sent twice in one request: once is enough.
  const identity = traceId + spanId;
  if (seen.has(identity)) return null;
  seen.add(identity);

  const service = storable(resource.service, MAX_NAME);
  const name = storable(span.text(5, 'name'), MAX_NAME);
  const kind = kinds[span.choice(6, 'kind', kindNames)] ?? 'unspecified';
  const state = span.message(15, 'status');
  const status = statuses[state?.choice(3, 'code', statusNames) ?? 0] ?? 'unset';
  const said = state?.text(2, 'message') ?? '';
  const durationMs = Number(end - start) / 1e6;
  const ids = { traceId, spanId, parentId };
  result.rows.push({
    kind: 'span',
    at,
    service,
    name,
    durationMs,
    status,
    ...ids,
    body: said === '' ? null : storable(said, MAX_BODY),
    attributes: {
      ...attributesOf(common, span.messages(9, 'attributes')),
      'span.kind': kind,
    },
  });
  result.samples.push({
    metric: 'span_duration_seconds',
    labels: { service, span: name, span_kind: kind, status },
    at,
    value: durationMs / 1_000,
  });
  for (const event of span.messages(11, 'events').slice(0, MAX_EVENTS_OF_SPAN)) {
    const time = millis(event.fixed(1, 'timeUnixNano'));
    result.rows.push({
      kind: 'event',
      at: timeFault('', time, now) === null ? time : at,
      service,
      name: storable(event.text(2, 'name'), MAX_NAME),
      durationMs: null,
      status: 'unset',
      ...ids,
      body: null,
      attributes: attributesOf(event.messages(3, 'attributes')),
    });
  }
  return null;
}

export function* readLogs(request: Message, now: number): Generator<void, Events> {
  const result: Events = { rows: [], samples: [], count: 0, refused: new Map() };
  // One sample a label set and request: many records may share a microsecond.
  const counts = new Map<string, Sample>();
  for (const group of request.messages(1, 'resourceLogs')) {
    const resource = resourceOf(group);
    const common = resourceAttributes(resource);
    for (const scope of group.messages(2, 'scopeLogs')) {
      for (const record of scope.messages(2, 'logRecords')) {
        const index = result.count++;
        if (index % AT_ONCE === AT_ONCE - 1) yield;
        const row = readRecord(record, { resource, common, now });
        if (typeof row === 'string') {
          result.refused.set(index, row);
          continue;
        }
        result.rows.push(row);
        const { service, status } = row;
        const key = `${service}\0${status}`;
        const known = counts.get(key);
        counts.set(key, {
          metric: 'log_records',
          labels: { service, severity: status },
          at: Math.max(known?.at ?? 0, row.at),
          value: (known?.value ?? 0) + 1,
          delta: true,
        });
      }
    }
  }
  result.samples.push(...counts.values());
  return result;
}

function readRecord(
  record: Message,
  { resource, common, now }: { resource: Resource; common: Message[]; now: number },
): EventRow | string {
  const traceId = identifierOf(record.identifier(9, 'traceId'), 16);
  const spanId = identifierOf(record.identifier(10, 'spanId'), 8);
  if (traceId === undefined) return 'traceId: must be 16 bytes or empty';
  if (spanId === undefined) return 'spanId: must be 8 bytes or empty';
  const own = record.fixed(1, 'timeUnixNano');
  const observed = record.fixed(11, 'observedTimeUnixNano');
  const at = own !== 0n ? millis(own) : observed !== 0n ? millis(observed) : now;
  const fault = timeFault('timeUnixNano', at, now);
  if (fault) return fault;
  const body = scalarOf(record.message(5, 'body'));
  return {
    kind: 'log',
    at,
    service: storable(resource.service, MAX_NAME),
    name: storable(record.text(12, 'eventName'), MAX_NAME),
    durationMs: null,
    status: severityOf(
      record.choice(2, 'severityNumber', severityNames),
      record.text(3, 'severityText'),
    ),
    traceId,
    spanId,
    parentId: null,
    body: body === null ? null : storable(String(body), MAX_BODY),
    attributes: attributesOf(common, record.messages(6, 'attributes')),
  };
}

/** One of the six levels; a text that is none of them counts as `unset`, so that labels stay few. */
function severityOf(number: number, text: string): string {
  if (number >= 1 && number <= 24) return levels[Math.floor((number - 1) / 4)] ?? 'unset';
  const word = text.trim().toLowerCase();
  const known: Record<string, string> = {
    warning: 'warn',
    err: 'error',
    critical: 'fatal',
    information: 'info',
    notice: 'info',
  };
  if (levels.includes(word)) return word;
  return (Object.hasOwn(known, word) ? known[word] : undefined) ?? 'unset';
}
