/** Sources as they stand in the database. Credentials are sealed; what may be seen stands beside them. */

import type { AddressGuard } from '../platform/addresses.ts';
import type { Prisma } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { SourceAuth, SourceItem, SourceKind } from './contract.ts';

/** What is sealed. */
export type Access = { auth: SourceAuth; headers: Record<string, string>; verifyTls: boolean };
export type Source = {
  id: string;
  name: string;
  kind: SourceKind;
  url: string;
  intervalSeconds: number;
  timeoutMs: number;
  labels: Record<string, string>;
  access: Access;
};

export const columns = {
  id: true,
  name: true,
  kind: true,
  url: true,
  sealed: true,
  intervalSeconds: true,
  timeoutMs: true,
  labels: true,
  paused: true,
  lastAt: true,
  lastError: true,
  lastSamples: true,
  createdAt: true,
  createdBy: true,
  updatedAt: true,
} satisfies Prisma.MetricSourceSelect;
export type Row = Prisma.MetricSourceGetPayload<{ select: typeof columns }>;

const contextOf = (id: string) => `metric source ${id}`;
export const sealAccess = (secrets: Secrets, id: string, access: Access): string =>
  secrets.seal(JSON.stringify(access), contextOf(id));

const open: Access = { auth: { kind: 'none' }, headers: {}, verifyTls: true };

export function sourceOf(secrets: Secrets, row: Row): Source {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind === 'prometheus' ? 'prometheus' : 'scrape',
    url: row.url,
    intervalSeconds: row.intervalSeconds,
    timeoutMs: row.timeoutMs,
    // Written from a checked record of texts.
    labels: row.labels as Record<string, string>,
    // It was sealed from one.
    access: row.sealed ? (JSON.parse(secrets.open(row.sealed, contextOf(row.id))) as Access) : open,
  };
}

export function shown(row: Row, { kind, labels, access }: Source): SourceItem {
  return {
    id: row.id,
    name: row.name,
    kind,
    url: row.url,
    auth: access.auth.kind,
    username: access.auth.kind === 'basic' ? access.auth.username : null,
    headers: Object.keys(access.headers),
    verifyTls: access.verifyTls,
    paused: row.paused,
    intervalSeconds: row.intervalSeconds,
    timeoutMs: row.timeoutMs,
    labels,
    lastAt: row.lastAt?.toISOString() ?? null,
    lastError: row.lastError,
    lastSamples: row.lastSamples,
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** What stands in the audit log: everything but secrets. */
export const audited = (source: Source) => ({
  kind: source.kind,
  name: source.name,
  url: source.url,
  intervalSeconds: source.intervalSeconds,
  timeoutMs: source.timeoutMs,
  labels: source.labels,
  auth: source.access.auth.kind,
  headers: Object.keys(source.access.headers),
  verifyTls: source.access.verifyTls,
});

/** Says at the field what would be refused at every attempt. */
export function assertReachable(guard: AddressGuard, url: string): void {
  try {
    guard.refuseLiteral(URL.parse(url)?.hostname ?? '');
  } catch (cause) {
    const message = 'Link-local and cloud metadata addresses are not accepted';
    throw new AppError('BAD_REQUEST', `url: ${message}.`, {
      cause,
      fields: [{ path: 'url', message }],
    });
  }
}

export function requestHeaders({ auth, headers }: Access): Record<string, string> {
  switch (auth.kind) {
    case 'none':
      return headers;
    case 'bearer':
      return { ...headers, authorization: `Bearer ${auth.token}` };
    case 'basic': {
      const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
      return { ...headers, authorization: `Basic ${pair}` };
    }
  }
}
