/** What may be a sample, and the one text that stands for a series. Pure. */
import { LABEL_NAME, MAX_FUTURE_MS, MAX_LABEL_VALUE, MAX_LABELS, METRIC_NAME } from './contract.ts';

export type Labels = Record<string, string>;
export type Sample = {
  metric: string;
  labels: Labels;
  /** Milliseconds since 1970; fractions down to 0.001 are kept. */
  at: number;
  value: number;
  /** The value is an increase since the sample before (OTLP delta), not a reading. */
  delta?: boolean;
};

const shown = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
const control = /[\p{Cc}\p{Cs}]/u;

/** Why a name and its labels are refused; null when they are fine. */
export function labelFault(metric: string, labels: Labels): string | null {
  if (!METRIC_NAME.test(metric)) {
    return `metric: ${shown(metric)} is no metric name (a letter, _ or :, then letters, digits and _ : . - /, at most 200)`;
  }
  let count = 0;
  for (const name in labels) {
    if (++count > MAX_LABELS) return `labels: more than ${MAX_LABELS} labels`;
    if (!LABEL_NAME.test(name)) {
      return `labels: ${shown(name)} is no label name (a letter or _, then letters, digits and _ . - /, at most 128)`;
    }
    const value = labels[name];
    if (typeof value !== 'string') return `labels.${name}: must be a text`;
    if (value.length > MAX_LABEL_VALUE) {
      return `labels.${name}: ${value.length} characters; at most ${MAX_LABEL_VALUE} are accepted`;
    }
    if (control.test(value)) return `labels.${name}: control characters are not accepted`;
  }
  return null;
}

/** Why a time is refused; null when it is fine. */
export function timeFault(at: number, now: number, keepMs: number): string | null {
  if (!Number.isFinite(at)) return 'at: not a time';
  if (at > now + MAX_FUTURE_MS) {
    return `at: ${iso(at)} is ${span(at - now)} in the future; at most ${span(MAX_FUTURE_MS)} is accepted`;
  }
  if (at < now - keepMs) {
    return `at: ${iso(at)} is ${span(now - at)} old; samples are kept ${span(keepMs)}`;
  }
  return null;
}

const MAX_TIME_MS = 8.64e15;
const iso = (at: number): string =>
  Math.abs(at) <= MAX_TIME_MS ? new Date(at).toISOString() : `${at} ms since 1970`;
function span(ms: number): string {
  if (ms < 3_600_000) return `${Math.ceil(ms / 60_000)} min`;
  return ms < 172_800_000
    ? `${Math.floor(ms / 3_600_000)} h`
    : `${Math.floor(ms / 86_400_000)} days`;
}

/**
 * The one text of a series: its metric and its labels by name. A label with an empty value is the same as none, as in
 * Prometheus. NUL cannot occur in either.
 */
export function seriesKey(metric: string, labels: Labels, delta: boolean): string {
  let key = delta ? `${metric}\0\0` : metric;
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name];
    if (value) key += `\0${name}\0${value}`;
  }
  return key;
}

/** Without empty ones, by name. */
export function canonical(labels: Labels): Labels {
  const out: Labels = {};
  for (const name of Object.keys(labels).sort()) if (labels[name]) out[name] = labels[name];
  return out;
}
