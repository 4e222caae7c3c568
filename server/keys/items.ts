/** How a key is read and shown: its state, its versions, what is due. */
import type { Prisma } from '../platform/db/index.ts';
import type { KeyItem, KeyVersionItem } from './contract.ts';
import { DAY_MS } from './rotation.ts';

export const select = {
  id: true,
  name: true,
  role: true,
  scopes: true,
  ownerId: true,
  ratePerMinute: true,
  addresses: true,
  expiresAt: true,
  rotateDays: true,
  revokedAt: true,
  createdAt: true,
  createdBy: true,
  versions: { orderBy: { version: 'desc' }, omit: { hash: true } },
} satisfies Prisma.ApiKeySelect;
export type Row = Prisma.ApiKeyGetPayload<{ select: typeof select }>;
export type VersionRow = Row['versions'][number];
/** The people that keys belong to, by id. */
export type Owners = ReadonlyMap<string, { name: string; disabled: boolean }>;

export const text = (at: Date | null) => at?.toISOString() ?? null;
export const stateOf = (version: VersionRow, now: Date): KeyVersionItem['state'] => {
  if (version.endedAt || (version.graceEndsAt && version.graceEndsAt <= now)) return 'ended';
  return version.graceEndsAt ? 'grace' : 'active';
};

function toVersion(row: VersionRow, now: Date): KeyVersionItem {
  const state = stateOf(row, now);
  const rehearsing = row.rehearsalEndsAt !== null && row.rehearsalEndsAt > now;
  return {
    version: row.version,
    state,
    hint: row.hint,
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy,
    graceEndsAt: text(row.graceEndsAt),
    quietDays: row.quietDays,
    rehearsalEndsAt: rehearsing ? text(row.rehearsalEndsAt) : null,
    endedAt: text(row.endedAt ?? (state === 'ended' ? row.graceEndsAt : null)),
    endedBy: row.endedBy ?? (state === 'ended' ? 'end of its grace' : null),
    lastUsedAt: text(row.lastUsedAt),
    lastRefusedAt: text(row.lastRefusedAt),
  };
}

export function toItem(row: Row, owners: Owners, now: Date, whole: boolean): KeyItem {
  const rows = row.versions.toSorted((a, b) => b.version - a.version);
  const versions = rows.map((version) => toVersion(version, now));
  const live = versions.some(({ state }) => state !== 'ended');
  const found = row.ownerId === null ? null : owners.get(row.ownerId);
  const owner = row.ownerId === null ? null : { id: row.ownerId, name: found?.name ?? '' };
  const ownerState = !found ? 'removed' : found.disabled ? 'disabled' : 'active';
  const newest = rows[0];
  let state: KeyItem['state'] = 'active';
  if (row.revokedAt) state = 'revoked';
  else if (!live) state = 'ended';
  else if (row.expiresAt && row.expiresAt <= now) state = 'expired';
  else if (owner && ownerState !== 'active') state = 'owner';
  const due =
    newest && row.rotateDays !== null && state === 'active'
      ? new Date(newest.createdAt.getTime() + row.rotateDays * DAY_MS)
      : null;
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    scopes: row.scopes,
    rateLimit: row.ratePerMinute,
    addresses: row.addresses,
    owner: owner && { ...owner, state: ownerState },
    expiresAt: text(row.expiresAt),
    rotateDays: row.rotateDays,
    rotationDueAt: text(due),
    state,
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy,
    revokedAt: text(row.revokedAt),
    lastUsedAt: versions.reduce<string | null>(
      (last, { lastUsedAt }) => (lastUsedAt && (!last || lastUsedAt > last) ? lastUsedAt : last),
      null,
    ),
    versions: whole ? versions : versions.filter((v, i) => i === 0 || v.state !== 'ended'),
  };
}
