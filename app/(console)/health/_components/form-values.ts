/** What the form holds, and how it becomes the input of the API and back. Pure. */
import type { z } from 'zod';
import {
  defaults,
  type TargetDetail,
  type TargetKind,
  targetCreateSchema,
} from '../../../../server/health/contract.ts';

export type Values = {
  kind: TargetKind;
  name: string;
  url: string;
  intervalSeconds: string;
  timeoutMs: string;
  failAfter: string;
  recoverAfter: string;
  method: 'GET' | 'HEAD' | 'POST';
  status: string;
  bodyIncludes: string;
  maxLatencyMs: string;
  headers: string;
  verifyTls: boolean;
  group: string;
  tags: string;
  dependsOn: string[];
  remedyKind: 'none' | 'webhook' | 'command' | 'docker' | 'kubernetes' | 'systemd';
  remedyUrl: string;
  remedySecret: string;
  remedyName: string;
  namespace: string;
  remedyMode: 'automatic' | 'approval' | 'off';
};
export type Input = z.input<typeof targetCreateSchema>;

export function emptyValues(): Values {
  return {
    kind: 'http',
    name: '',
    url: '',
    intervalSeconds: '',
    timeoutMs: '',
    failAfter: '',
    recoverAfter: '',
    method: 'GET',
    status: '',
    bodyIncludes: '',
    maxLatencyMs: '',
    headers: '',
    verifyTls: true,
    group: '',
    tags: '',
    dependsOn: [],
    remedyKind: 'none',
    remedyUrl: '',
    remedySecret: '',
    remedyName: '',
    namespace: 'default',
    remedyMode: 'automatic',
  };
}

export function valuesOf(target: TargetDetail): Values {
  const { settings, remedy } = target;
  const { status } = settings.expect;
  return {
    ...emptyValues(),
    kind: target.kind,
    name: target.name,
    url: target.address,
    intervalSeconds: String(target.intervalSeconds),
    timeoutMs: String(target.timeoutMs),
    failAfter: String(target.failAfter),
    recoverAfter: String(target.recoverAfter),
    method: settings.method,
    status: status === undefined ? '' : [status].flat().join(', '),
    bodyIncludes: settings.expect.bodyIncludes ?? '',
    maxLatencyMs: settings.expect.maxLatencyMs ? String(settings.expect.maxLatencyMs) : '',
    verifyTls: settings.verifyTls,
    group: target.group ?? '',
    tags: target.tags.join(', '),
    dependsOn: target.parents.map(({ id }) => id),
    remedyKind: remedy?.kind ?? 'none',
    remedyUrl: remedy?.kind === 'webhook' ? remedy.url : '',
    remedyName:
      remedy?.kind === 'command'
        ? remedy.name
        : remedy?.kind === 'docker'
          ? remedy.container
          : remedy?.kind === 'kubernetes'
            ? remedy.deployment
            : remedy?.kind === 'systemd'
              ? remedy.unit
              : '',
    namespace: remedy?.kind === 'kubernetes' ? remedy.namespace : 'default',
    remedyMode: target.remedyMode ?? 'automatic',
  };
}

const number = (text: string) => (text.trim() === '' ? undefined : Number(text));
const parts = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);

function remedyOf(values: Values): unknown {
  switch (values.remedyKind) {
    case 'none':
      return null;
    case 'webhook':
      return {
        kind: 'webhook',
        url: values.remedyUrl.trim(),
        ...(values.remedySecret ? { secret: values.remedySecret } : {}),
      };
    case 'command':
      return { kind: 'command', name: values.remedyName.trim() };
    case 'docker':
      return { kind: 'docker', container: values.remedyName.trim() };
    case 'kubernetes':
      return {
        kind: 'kubernetes',
        namespace: values.namespace.trim(),
        deployment: values.remedyName.trim(),
      };
    case 'systemd':
      return { kind: 'systemd', unit: values.remedyName.trim() };
  }
}

/** `Name: value`, one a line; null when a line is something else. */
export function parseHeaders(text: string): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const at = line.indexOf(':');
    if (at < 1) return null;
    headers[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return headers;
}

/** The input and what is wrong with it, by the name of the field in the form. */
export function check(values: Values): { input: Input | null; faults: Record<string, string> } {
  const headers = parseHeaders(values.headers);
  const status = parts(values.status).map(Number);
  const http = values.kind === 'http';
  const expect = {
    ...(http && status.length > 0 ? { status: status.length === 1 ? status[0] : status } : {}),
    ...(http && values.bodyIncludes ? { bodyIncludes: values.bodyIncludes } : {}),
    ...(values.maxLatencyMs.trim() ? { maxLatencyMs: number(values.maxLatencyMs) } : {}),
  };
  const candidate = {
    kind: values.kind,
    name: values.name,
    ...(values.kind === 'heartbeat' ? {} : { url: values.url.trim() }),
    intervalSeconds: number(values.intervalSeconds),
    timeoutMs: number(values.timeoutMs),
    failAfter: number(values.failAfter),
    recoverAfter: number(values.recoverAfter),
    ...(http
      ? {
          method: values.method,
          verifyTls: values.verifyTls,
          ...(values.headers.trim() && headers ? { headers } : {}),
        }
      : {}),
    expect,
    dependsOn: values.dependsOn,
    group: values.group.trim() || null,
    tags: parts(values.tags),
    remedy: remedyOf(values),
    remedyMode: values.remedyMode,
  };
  const faults: Record<string, string> = {};
  if (headers === null) faults.headers = 'One header a line, as Name: value';
  const parsed = targetCreateSchema.safeParse(candidate);
  for (const issue of parsed.error?.issues ?? []) {
    faults[fieldOf(issue.path.map(String))] ??= issue.message;
  }
  const valid = parsed.success && headers !== null;
  // Checked against its own schema just now.
  return { input: valid ? (candidate as Input) : null, faults };
}

/** Where in the form a fault of the API's input is shown. */
export function fieldOf(path: readonly string[]): string {
  const [first = '', second = ''] = path;
  if (first === 'expect') return second;
  if (first !== 'remedy') return first;
  if (second === 'url') return 'remedyUrl';
  if (second === 'secret') return 'remedySecret';
  return second === 'namespace' ? 'namespace' : 'remedyName';
}

export const usual = (kind: TargetKind) => ({
  ...defaults,
  intervalSeconds:
    kind === 'heartbeat' ? defaults.heartbeatIntervalSeconds : defaults.intervalSeconds,
});
