/** From one alert of Alertmanager to what an incident is made of. Pure. */
import type { Severity } from '../notify/contract.ts';
import { type AlertInput, alertSchema } from './contract.ts';

export type Fact = { label: string; value: string };
export type Alert = {
  /** The same for the same set of labels. */
  key: string;
  fingerprint: string;
  status: 'firing' | 'resolved';
  title: string;
  severity: Severity;
  detail: string;
  facts: Fact[];
  labels: Readonly<Record<string, string>>;
  /** Null when Alertmanager does not say. */
  startsAt: Date | null;
  endsAt: Date | null;
  /** Equal for alerts that say the same. */
  mark: string;
};

const MAX_FACTS = 80;
const MAX_VALUE = 1_000;
const MAX_TITLE = 200;
const MAX_DETAIL = 2_000;

const severityOf: Record<string, Severity> = {
  critical: 'critical',
  page: 'critical',
  fatal: 'critical',
  emergency: 'critical',
  disaster: 'critical',
  error: 'error',
  high: 'error',
  major: 'error',
  average: 'error',
  warning: 'warning',
  warn: 'warning',
  minor: 'warning',
  ticket: 'warning',
  low: 'warning',
  info: 'info',
  information: 'info',
  informational: 'info',
  notice: 'info',
  none: 'info',
};

/** What Alertmanager calls `severity`, in the console's words; an alert that says nothing known is an error. */
export function severityFrom(text: string | undefined): Severity {
  const word = text?.trim().toLowerCase() ?? '';
  return (Object.hasOwn(severityOf, word) ? severityOf[word] : undefined) ?? 'error';
}

/** One line, without control characters. */
function line(text: string, max: number): string {
  const plain = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return plain.length > max ? `${plain.slice(0, max - 1).toWellFormed()}…` : plain;
}

/** Go's zero time, and whatever else is not a moment of this era, is no time. */
function moment(text: string | null | undefined): Date | null | undefined {
  if (!text) return null;
  const at = Date.parse(text);
  if (Number.isNaN(at)) return undefined;
  return at <= 0 ? null : new Date(at);
}

const pairs = (texts: Record<string, string>): Fact[] =>
  Object.entries(texts).map(([label, value]) => ({
    label: line(label, 200),
    value: line(value, MAX_VALUE),
  }));

/** `digest` makes a fingerprint of labels that came without one. */
export function readAlert(
  raw: unknown,
  digest: (text: string) => string,
): { alert: Alert } | { reason: string; fingerprint: string | null } {
  const parsed = alertSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join('.') ?? '';
    const reason = line(`${where ? `${where}: ` : ''}${issue?.message ?? 'cannot be read'}`, 300);
    return { reason, fingerprint: fingerprintOf(raw) };
  }
  const input = parsed.data;
  const startsAt = moment(input.startsAt);
  const endsAt = moment(input.endsAt);
  const given = fingerprintOf(input);
  if (startsAt === undefined) return { reason: 'startsAt: not a time', fingerprint: given };
  if (endsAt === undefined) return { reason: 'endsAt: not a time', fingerprint: given };
  const labels = Object.entries(input.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const fingerprint = given ?? digest(JSON.stringify(labels));
  const annotations = input.annotations ?? {};
  const name = line(input.labels.alertname ?? '', MAX_TITLE);
  const facts = [...pairs(Object.fromEntries(labels)), ...pairs(annotations)];
  const source = webAddress(input.generatorURL);
  if (source) facts.push({ label: 'Source', value: source });
  return {
    alert: {
      key: `alert:${fingerprint}`,
      fingerprint,
      status: input.status,
      title: line(annotations.summary ?? '', MAX_TITLE) || name || `Alert ${fingerprint}`,
      severity: severityFrom(input.labels.severity),
      detail: detailOf(annotations, name, input.status),
      facts: facts.slice(0, MAX_FACTS),
      labels: input.labels,
      startsAt,
      endsAt,
      mark: digest(JSON.stringify([labels, Object.entries(annotations).sort()])),
    },
  };
}

function detailOf(
  annotations: NonNullable<AlertInput['annotations']>,
  name: string,
  status: string,
): string {
  const said = annotations.description ?? annotations.message ?? annotations.summary ?? '';
  const text = line(said, MAX_DETAIL) || `The alert is ${status}.`;
  return name && !text.startsWith(name) ? `${name}: ${text}` : text;
}

function fingerprintOf(raw: unknown): string | null {
  if (typeof raw !== 'object' || raw === null || !('fingerprint' in raw)) return null;
  const { fingerprint } = raw;
  return typeof fingerprint === 'string' && /^[\w.:-]{1,200}$/.test(fingerprint)
    ? fingerprint
    : null;
}

function webAddress(text: string | null | undefined): string | null {
  const url = text ? URL.parse(text) : null;
  return url && /^https?:$/.test(url.protocol) ? line(url.href, MAX_VALUE) : null;
}
