/** What the page shows: tokens that were issued, and revocations. */
import type { Page } from '../api/contract.ts';
import type { Db } from '../platform/db/index.ts';
import {
  type IssuedItem,
  type RevocationItem,
  type RevocationListInput,
  ROTATE_AFTER_DAYS,
  revocationKinds,
  type SigningKeyItem,
  type TokenListInput,
} from './contract.ts';

export async function listIssued(
  db: Db,
  now: Date,
  { limit, cursor, state, subject }: TokenListInput,
): Promise<Page<IssuedItem>> {
  const ofState = {
    active: { revokedAt: null, expiresAt: { gt: now } },
    expired: { revokedAt: null, expiresAt: { lte: now } },
    revoked: { revokedAt: { not: null } },
  };
  const rows = await db.prisma.issuedToken.findMany({
    where: {
      ...(state ? ofState[state] : {}),
      ...(subject ? { subject } : {}),
      ...(cursor ? { jti: { lt: cursor } } : {}),
    },
    orderBy: { jti: 'desc' },
    take: limit + 1,
    select: {
      jti: true,
      subject: true,
      scopes: true,
      role: true,
      kid: true,
      issuedBy: true,
      issuedAt: true,
      expiresAt: true,
      revokedAt: true,
      revokeReason: true,
    },
  });
  const items = rows.slice(0, limit).map((row) => ({
    ...row,
    issuedAt: row.issuedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
    state: row.revokedAt
      ? ('revoked' as const)
      : row.expiresAt > now
        ? ('active' as const)
        : ('expired' as const),
  }));
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.jti ?? null) : null };
}

export async function listRevocations(
  db: Db,
  { limit, cursor, kind }: RevocationListInput,
): Promise<Page<RevocationItem>> {
  const rows = await db.prisma.revocation.findMany({
    where: {
      ...(kind ? { kind } : {}),
      ...(cursor ? { seq: { lt: BigInt(cursor) } } : {}),
    },
    orderBy: { seq: 'desc' },
    take: limit + 1,
    select: {
      seq: true,
      kind: true,
      target: true,
      reason: true,
      revokedBy: true,
      revokedAt: true,
      expiresAt: true,
    },
  });
  const items = rows.slice(0, limit).map(({ seq, ...row }) => ({
    ...row,
    id: String(seq),
    kind: revocationKinds.find((each) => each === row.kind) ?? 'token',
    revokedAt: row.revokedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
  }));
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** Newest first; there are few, as retired ones go with their last token. */
export async function listKeys(db: Db, now: Date): Promise<SigningKeyItem[]> {
  const rows = await db.prisma.tokenSigningKey.findMany({
    orderBy: { createdAt: 'desc' },
    take: 100,
    select: {
      kid: true,
      state: true,
      createdAt: true,
      activatedAt: true,
      retiredAt: true,
      revokedAt: true,
    },
  });
  const alive = await db.prisma.issuedToken.groupBy({
    by: ['kid'],
    where: { expiresAt: { gt: now }, revokedAt: null },
    _count: true,
  });
  const active = new Map(alive.map((row) => [row.kid, row._count]));
  const dueAt = (activatedAt: Date) =>
    new Date(activatedAt.getTime() + ROTATE_AFTER_DAYS * 86_400_000).toISOString();
  return rows.map(({ state, activatedAt, ...row }) => ({
    kid: row.kid,
    state: row.revokedAt
      ? 'compromised'
      : state === 'next' || state === 'current'
        ? state
        : 'retired',
    createdAt: row.createdAt.toISOString(),
    activatedAt: activatedAt?.toISOString() ?? null,
    retiredAt: row.retiredAt?.toISOString() ?? null,
    rotatesAt: state === 'current' && activatedAt ? dueAt(activatedAt) : null,
    activeTokens: active.get(row.kid) ?? 0,
  }));
}
