/**
 * The External Metrics API of Kubernetes (`external.metrics.k8s.io/v1beta1`), as its autoscaler reads it: shapes of what is
 * answered, quantities, label selectors. Pure. After k8s.io/metrics `pkg/apis/external_metrics/v1beta1`,
 * k8s.io/apimachinery `resource.Quantity` and `labels.Selector`.
 */

const GROUP = 'external.metrics.k8s.io';
const VERSION = `${GROUP}/v1beta1`;

/** Serves both present values and, under this end of the name, those of the time ahead. */
export const AHEAD = '-ahead';

export type MetricReading = {
  name: string;
  value: number;
  /** ISO. Of a value of the time ahead: when it was expected. */
  at: string;
  /** Over how long it was measured; null of one that was measured or is expected at one moment. */
  windowSeconds: number | null;
  labels: Record<string, string>;
};

const SCALES = [
  ['', 1],
  ['m', 1e3],
  ['u', 1e6],
  ['n', 1e9],
] as const;
const CLOSE = 1e-6;

/**
 * A number as Kubernetes writes quantities: `3`, `1500m`. The coarsest unit that is right to a millionth; a whole number of
 * units, as fractions are refused beside a suffix by some readers.
 */
export function quantityOf(value: number): string {
  for (const [suffix, scale] of SCALES) {
    const whole = Math.round(value * scale);
    // Beyond 2^53 there are no fractions anyway.
    if (!Number.isSafeInteger(whole)) continue;
    if (Math.abs(whole / scale - value) <= CLOSE * Math.abs(value)) return `${whole}${suffix}`;
  }
  // Kubernetes knows nothing finer than a billionth.
  return Math.abs(value) < 1
    ? `${Math.round(value * 1e9)}n`
    : value.toExponential().replace('e+', 'e');
}

export const valueList = (readings: readonly MetricReading[]) => ({
  kind: 'ExternalMetricValueList',
  apiVersion: VERSION,
  metadata: {},
  items: readings.map(({ name, value, at, windowSeconds, labels }) => ({
    metricName: name,
    metricLabels: labels,
    // Kubernetes' times have whole seconds.
    timestamp: `${at.slice(0, 19)}Z`,
    ...(windowSeconds === null ? {} : { window: windowSeconds }),
    value: quantityOf(value),
  })),
});

export const resourceList = (names: readonly string[]) => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: VERSION,
  resources: names.map((name) => ({
    name,
    singularName: '',
    namespaced: true,
    kind: 'ExternalMetricValueList',
    verbs: ['get'],
  })),
});

const version = { groupVersion: VERSION, version: 'v1beta1' };
const group = { name: GROUP, versions: [version], preferredVersion: version };
export const apiGroup = { kind: 'APIGroup', apiVersion: 'v1', ...group };
export const apiGroupList = { kind: 'APIGroupList', apiVersion: 'v1', groups: [group] };

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};
/** A failure as Kubernetes' clients read it. */
export const statusOf = (code: number, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason: reasons[code] ?? 'Unknown',
  code,
});

type Requirement = { key: string; matches(value: string | undefined): boolean };
const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?';
const KEY = `(?:${NAME}/)?${NAME}`;
const exists = new RegExp(`^(!?)\\s*(${KEY})$`);
const equals = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*(${NAME})?$`);
const oneOf = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const MAX_SELECTOR = 2_000;

/** Whether labels are what a `labelSelector` asks for; null for a text that is none. */
export function readSelector(text: string): ((labels: Record<string, string>) => boolean) | null {
  if (text.length > MAX_SELECTOR) return null;
  if (text.trim() === '') return () => true;
  const requirements: Requirement[] = [];
  // Commas within parentheses belong to their list.
  for (const part of text.split(/,(?![^()]*\))/)) {
    const requirement = readRequirement(part.trim());
    if (!requirement) return null;
    requirements.push(requirement);
  }
  return (labels) => requirements.every(({ key, matches }) => matches(labels[key]));
}

function readRequirement(part: string): Requirement | null {
  const [, not, bare] = exists.exec(part) ?? [];
  if (bare !== undefined)
    return { key: bare, matches: (value) => (value === undefined) === (not === '!') };
  const [, left, sign, right = ''] = equals.exec(part) ?? [];
  // What is absent is not equal.
  if (left !== undefined)
    return { key: left, matches: (value) => (value === right) === (sign !== '!=') };
  const [, key, word, list = ''] = oneOf.exec(part) ?? [];
  if (key === undefined) return null;
  const values = list.split(',').map((value) => value.trim());
  const proper = new RegExp(`^(?:${NAME})?$`);
  if (!values.every((value) => proper.test(value))) return null;
  return {
    key,
    matches: (value) => (value !== undefined && values.includes(value)) === (word === 'in'),
  };
}
