import { randomBytes } from 'node:crypto';
import type { Page } from '../api/contract.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, likeLiteral, type Prisma, type Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { NewRevocation, Revocations } from '../tokens/index.ts';
import {
  type KeyCreateInput,
  type KeyItem,
  type KeyListInput,
  type KeyUpdateInput,
  type KeyVerdict,
  LIVE_VERSIONS,
  ROTATE_DAYS,
} from './contract.ts';
import { formatKey, hashKey, hintOf } from './format.ts';
import { type Owners, type Row, select, stateOf, text, toItem, type VersionRow } from './items.ts';
import { parseNetworks } from './judge.ts';
import { createRotation, DAY_MS, type Rotation, type Teller } from './rotation.ts';
import { createUsage, type Usage } from './usage.ts';
import { createVerifier, type Verifier } from './verifier.ts';

export type Keys = Pick<Verifier, 'verify' | 'alive' | 'onChange'> &
  Pick<Usage, 'count'> &
  Pick<Rotation, 'run'> & {
    /** Makes a key; this is the only time it is seen. */
    create(authority: Authority, input: KeyCreateInput): Promise<{ id: string; key: string }>;
    list(input: KeyListInput & { limit: number }): Promise<Page<KeyItem>>;
    get(id: string): Promise<KeyItem>;
    /** Of keys that are accepted: how many, with an end, due for a new version, and admin ones that no scope narrows. */
    figures(): Promise<{ live: number; endless: number; overdue: number; unscopedAdmins: number }>;
    update(authority: Authority, input: KeyUpdateInput): Promise<void>;
    /** Makes a new version; the one before is accepted for `graceDays` more. CONFLICT while two are accepted. */
    rotate(
      authority: Authority,
      input: { id: string; graceDays: number },
    ): Promise<{ id: string; version: number; key: string }>;
    /** Ends one version, or the whole key. What has ended already stays as it is. */
    revoke(
      authority: Authority,
      input: { id: string; version?: number | undefined; reason?: string | undefined },
    ): Promise<void>;
    /** Refuses a version as if it had ended, for some minutes; 0 takes that back. */
    rehearse(
      authority: Authority,
      input: { id: string; version: number; minutes: number },
    ): Promise<{ endsAt: string | null }>;
    /** Lets a version in its grace end when nobody used it for `days`. */
    endWhenQuiet(
      authority: Authority,
      input: { id: string; version: number; days: number | null },
    ): Promise<void>;
    usage: Usage['of'];
    /** For a service that took a key from somebody: whether it is good. Counts as a use of it. */
    check(input: { key: string; address?: string | undefined }, by: string): Promise<KeyVerdict>;
    close(): Promise<void>;
  };

export function createKeys(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  teller: Teller;
  revocations: Pick<Revocations, 'endIssuedBy' | 'announce'>;
}): Keys {
  const { db, audit, clock, log, revocations } = deps;
  const verifier = createVerifier(deps);
  const usage = createUsage(deps);
  const rotation = createRotation({ ...deps, usage, changed: verifier.announce });

  const ownersOf = async (rows: readonly Row[]): Promise<Owners> => {
    const ids = [...new Set(rows.flatMap(({ ownerId }) => ownerId ?? []))];
    if (ids.length === 0) return new Map();
    const people = await db.prisma.user.findMany({
      where: { id: { in: ids } },
      select: { id: true, name: true, email: true, disabledAt: true },
    });
    return new Map(
      people.map(({ id, name, email, disabledAt }) => [
        id,
        { name: name || email, disabled: disabledAt !== null },
      ]),
    );
  };
  /** The key, held for this transaction, so that two changes of one key come one after the other. */
  const hold = async (tx: Tx, id: string): Promise<Row> => {
    // Not FOR UPDATE: counts of its use refer to the key, and would wait for this while this waits for their versions.
    await tx.$queryRaw`SELECT 1 FROM api_keys WHERE id = ${id}::uuid FOR NO KEY UPDATE`;
    const row = await tx.apiKey.findUnique({ where: { id }, select });
    if (!row) throw new AppError('NOT_FOUND', 'There is no such key.');
    return row;
  };
  const versionOf = (row: Row, version: number): VersionRow => {
    const found = row.versions.find((entry) => entry.version === version);
    if (found) return found;
    throw new AppError('NOT_FOUND', `The key ${row.name} has no version ${version}.`);
  };
  const livingVersion = (row: Row, version: number): VersionRow => {
    const found = versionOf(row, version);
    if (!row.revokedAt && stateOf(found, clock.now()) !== 'ended') return found;
    throw new AppError('CONFLICT', `Version ${version} of the key ${row.name} has ended.`);
  };
  const target = ({ id, name }: Pick<Row, 'id' | 'name'>) => ({ kind: 'key', id, name });
  const mustBePerson = async (tx: Tx, ownerId: string | null | undefined) => {
    if (!ownerId) return;
    const person = await tx.user.findFirst({
      where: { id: ownerId, disabledAt: null },
      select: { id: true },
    });
    if (!person)
      throw new AppError('BAD_REQUEST', 'ownerId: there is no such person.', {
        fields: [{ path: 'ownerId', message: 'There is no such person' }],
      });
  };
  const mustBeAhead = (expiresAt: string | null | undefined) => {
    if (!expiresAt || new Date(expiresAt) > clock.now()) return;
    const message = `${expiresAt} is over; give a time to come`;
    throw new AppError('BAD_REQUEST', `expiresAt: ${message}.`, {
      fields: [{ path: 'expiresAt', message }],
    });
  };
  /** Who may no longer issue tokens leaves none behind; only admins issue. */
  const endTokens = async (tx: Tx, authority: Authority, row: Row, reason: string) =>
    row.role === 'admin'
      ? revocations.endIssuedBy(tx, `key:${row.id}`, { reason, by: authority.actor.name })
      : [];
  const flushed = () =>
    usage.flush().catch((err) => log.warn({ err }, 'use of keys was not written'));
  const changed = <T>(result: T): T => {
    verifier.announce();
    return result;
  };
  const newVersion = (tx: Tx, authority: Authority, keyId: string, version: number, now: Date) => {
    const key = formatKey(randomBytes);
    const made = tx.apiKeyVersion.create({
      data: {
        id: newId(now),
        keyId,
        version,
        hash: new Uint8Array(hashKey(key)),
        hint: hintOf(key),
        createdAt: now,
        createdBy: authority.actor.name,
      },
      select: { id: true },
    });
    return made.then(() => key);
  };

  return {
    verify: verifier.verify,
    alive: verifier.alive,
    onChange: verifier.onChange,
    count: usage.count,
    run: rotation.run,
    usage: usage.of,
    async create(authority, input) {
      const now = clock.now();
      const id = newId(now);
      const { name, role, scopes, expiresAt = null, rateLimit = null, addresses = [] } = input;
      const { rotateDays = ROTATE_DAYS } = input;
      const { actor } = authority;
      const ownerId =
        input.ownerId === undefined ? (actor.kind === 'user' ? actor.id : null) : input.ownerId;
      parseNetworks(addresses);
      mustBeAhead(expiresAt);
      const key = await db.tx(async (tx) => {
        await mustBePerson(tx, ownerId);
        await tx.apiKey.create({
          data: {
            id,
            name,
            role,
            scopes,
            ownerId,
            ratePerMinute: rateLimit,
            addresses,
            expiresAt: expiresAt ? new Date(expiresAt) : null,
            rotateDays,
            createdAt: now,
            createdBy: actor.name,
          },
          select: { id: true },
        });
        const made = await newVersion(tx, authority, id, 1, now);
        await audit.append(tx, authority, {
          action: 'keys.create',
          target: { kind: 'key', id, name },
          after: { name, role, scopes, ownerId, rateLimit, addresses, expiresAt, rotateDays },
        });
        return made;
      });
      return { id, key };
    },
    async list({ limit, cursor, filter, state }) {
      await flushed();
      const now = clock.now();
      const open: Prisma.ApiKeyWhereInput = {
        revokedAt: null,
        AND: [
          { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
          {
            versions: {
              some: { endedAt: null, OR: [{ graceEndsAt: null }, { graceEndsAt: { gt: now } }] },
            },
          },
        ],
      };
      const rows = await db.prisma.apiKey.findMany({
        where: {
          ...(filter ? { name: { contains: likeLiteral(filter), mode: 'insensitive' } } : {}),
          ...(cursor ? { id: { lt: cursor } } : {}),
          ...(state === 'live' ? open : {}),
          ...(state === 'ended' ? { NOT: open } : {}),
        },
        orderBy: { id: 'desc' },
        take: limit + 1,
        // Those that have not ended, also an old one whose successors have; then the one that ended last.
        select: {
          ...select,
          versions: {
            ...select.versions,
            orderBy: [{ endedAt: { sort: 'desc', nulls: 'first' } }, { version: 'desc' }],
            take: LIVE_VERSIONS + 1,
          },
        },
      });
      const owners = await ownersOf(rows);
      const items = rows.slice(0, limit).map((row) => toItem(row, owners, now, false));
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async get(id) {
      await flushed();
      const row = await db.prisma.apiKey.findUnique({ where: { id }, select });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such key.');
      return toItem(row, await ownersOf([row]), clock.now(), true);
    },
    async figures() {
      const { rows } = await db.pool.query<Record<string, string>>({
        name: 'key-figures',
        text: `SELECT count(*) AS live, count(*) FILTER (WHERE expires_at IS NULL) AS endless,
            count(*) FILTER (WHERE newest + rotate_days * interval '1 day' < $1) AS overdue,
            count(*) FILTER (WHERE role = 'admin' AND NOT EXISTS (
              SELECT 1 FROM unnest(scopes) AS scope WHERE scope LIKE '%.%')) AS unscoped_admins
          FROM (SELECT k.*, (SELECT max(v.created_at) FROM api_key_versions v WHERE v.key_id = k.id) AS newest
                FROM api_keys k WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
                  AND EXISTS (SELECT 1 FROM api_key_versions v WHERE v.key_id = k.id AND v.ended_at IS NULL
                    AND (v.grace_ends_at IS NULL OR v.grace_ends_at > $1))) k`,
        values: [clock.now()],
      });
      const figure = (name: string) => Number(rows[0]?.[name] ?? 0);
      return {
        live: figure('live'),
        endless: figure('endless'),
        overdue: figure('overdue'),
        unscopedAdmins: figure('unscoped_admins'),
      };
    },
    async update(authority, { id, ...input }) {
      if (input.addresses) parseNetworks(input.addresses);
      const ended = await db.tx(async (tx) => {
        const row = await hold(tx, id);
        if (row.revokedAt) throw new AppError('CONFLICT', `The key ${row.name} was revoked.`);
        if (input.ownerId !== row.ownerId) await mustBePerson(tx, input.ownerId);
        const before = {
          name: row.name,
          role: row.role,
          scopes: row.scopes,
          ownerId: row.ownerId,
          rateLimit: row.ratePerMinute,
          addresses: row.addresses,
          expiresAt: text(row.expiresAt),
          rotateDays: row.rotateDays,
        };
        // A form sends what it did not change too: that settles no notice, ends no token, and an end may be over.
        const changes = (field: keyof typeof before) =>
          input[field] !== undefined &&
          JSON.stringify(input[field]) !== JSON.stringify(before[field]);
        const { expiresAt, rateLimit, ...same } = input;
        const newEnd =
          changes('expiresAt') && Date.parse(expiresAt ?? '') !== row.expiresAt?.getTime();
        if (newEnd) mustBeAhead(expiresAt);
        if (newEnd || changes('rotateDays'))
          await rotation.settle(tx, row, 'Its end or its rotation was changed.');
        await tx.apiKey.update({
          where: { id },
          data: {
            ...withoutUndefined(same),
            ...(expiresAt === undefined
              ? {}
              : { expiresAt: expiresAt === null ? null : new Date(expiresAt) }),
            ...(rateLimit === undefined ? {} : { ratePerMinute: rateLimit }),
          },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'keys.update',
          target: target(row),
          before,
          after: { ...before, ...withoutUndefined(input) },
        });
        const less = changes('role') || changes('scopes') || changes('ownerId');
        return less ? endTokens(tx, authority, row, 'The key that issued it was changed.') : [];
      });
      if (ended.length > 0) revocations.announce(ended);
      verifier.announce();
    },
    async rotate(authority, { id, graceDays }) {
      const made = await db.tx(async (tx) => {
        const row = await hold(tx, id);
        const now = clock.now();
        if (row.revokedAt) throw new AppError('CONFLICT', `The key ${row.name} was revoked.`);
        if (row.expiresAt && row.expiresAt <= now)
          throw new AppError(
            'CONFLICT',
            `The key ${row.name} has expired. Give it a later end first.`,
          );
        const live = row.versions.filter((version) => stateOf(version, now) !== 'ended');
        const oldest = live.at(-1);
        if (live.length >= LIVE_VERSIONS && oldest) {
          throw new AppError(
            'CONFLICT',
            `Versions ${live.map(({ version }) => version).join(' and ')} of the key ${row.name} are accepted, and no more than ${LIVE_VERSIONS} may be. End version ${oldest.version} first; by itself it ends ${text(oldest.graceEndsAt) ?? 'never'}.`,
          );
        }
        const version = (row.versions[0]?.version ?? 0) + 1;
        const key = await newVersion(tx, authority, id, version, now);
        const graceEndsAt = new Date(now.getTime() + graceDays * DAY_MS);
        await tx.apiKeyVersion.updateMany({
          where: { id: { in: live.map((entry) => entry.id) } },
          data:
            graceDays === 0
              ? { graceEndsAt, endedAt: now, endedBy: authority.actor.name }
              : { graceEndsAt },
        });
        await rotation.settle(tx, row, 'A new version was made.');
        await audit.append(tx, authority, {
          action: 'keys.rotate',
          target: target(row),
          before: { versions: live.map((entry) => entry.version) },
          after: { version, graceEndsAt: graceEndsAt.toISOString() },
        });
        return { id, version, key };
      });
      return changed(made);
    },
    async revoke(authority, { id, version, reason }) {
      const ended = await db.tx(async (tx): Promise<NewRevocation[]> => {
        const row = await hold(tx, id);
        const now = clock.now();
        const noted = reason ? { reason } : {};
        if (version === undefined) {
          if (row.revokedAt) return [];
          const tokens = await endTokens(tx, authority, row, 'The key that issued it was revoked.');
          await tx.apiKey.update({ where: { id }, data: { revokedAt: now }, select: { id: true } });
          await rotation.settle(tx, row, 'The key was revoked.');
          await audit.append(tx, authority, {
            action: 'keys.revoke',
            target: target(row),
            before: { revokedAt: null },
            after: { revokedAt: now.toISOString(), ...noted },
          });
          return tokens;
        }
        const found = versionOf(row, version);
        if (stateOf(found, now) === 'ended') return [];
        await tx.apiKeyVersion.update({
          where: { id: found.id },
          data: { endedAt: now, endedBy: authority.actor.name },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'keys.endVersion',
          target: target(row),
          before: { version, lastUsedAt: text(found.lastUsedAt) },
          after: { version, endedAt: now.toISOString(), ...noted },
        });
        return [];
      });
      if (ended.length > 0) revocations.announce(ended);
      verifier.announce();
    },
    async rehearse(authority, { id, version, minutes }) {
      const endsAt = minutes === 0 ? null : new Date(clock.now().getTime() + minutes * 60_000);
      // What was refused before is written first, so that it does not look like somebody who met the rehearsal.
      await flushed();
      await db.tx(async (tx) => {
        const row = await hold(tx, id);
        const found = livingVersion(row, version);
        const begins = endsAt && !(found.rehearsalEndsAt && found.rehearsalEndsAt > clock.now());
        await tx.apiKeyVersion.update({
          where: { id: found.id },
          data: { rehearsalEndsAt: endsAt, ...(begins ? { lastRefusedAt: null } : {}) },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'keys.rehearse',
          target: target(row),
          before: { version, rehearsalEndsAt: text(found.rehearsalEndsAt) },
          after: { version, rehearsalEndsAt: text(endsAt) },
        });
      });
      return changed({ endsAt: text(endsAt) });
    },
    async endWhenQuiet(authority, { id, version, days }) {
      await db.tx(async (tx) => {
        const row = await hold(tx, id);
        const found = livingVersion(row, version);
        if (!found.graceEndsAt)
          throw new AppError(
            'CONFLICT',
            `Version ${version} is the newest of the key ${row.name}. Rotate the key first.`,
          );
        await tx.apiKeyVersion.update({
          where: { id: found.id },
          data: { quietDays: days },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'keys.endWhenQuiet',
          target: target(row),
          before: { version, quietDays: found.quietDays },
          after: { version, quietDays: days },
        });
      });
    },
    async check({ key, address }, by) {
      const verified = await verifier.verify(key, address ?? null);
      if (verified.use) {
        usage.count(verified.use, {
          procedures: ['keys.verify'],
          address: address ?? `by ${by}`,
          refused: 'refused' in verified,
        });
      }
      if ('refused' in verified) {
        const { keyId, version } = verified.use ?? {};
        return { valid: false, reason: verified.refused, ...withoutUndefined({ keyId, version }) };
      }
      const { id, role, scopes } = verified.principal;
      const { version } = verified.use;
      return { valid: true, keyId: id, role, scopes: [...scopes], version };
    },
    async close() {
      verifier.close();
      await usage.close();
    },
  };
}

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };
function withoutUndefined<T extends object>(value: T): Partial<Given<T>> {
  // Only entries that are not undefined are left.
  return Object.fromEntries(
    Object.entries(value).filter(([, entry]) => entry !== undefined),
  ) as Partial<Given<T>>;
}
