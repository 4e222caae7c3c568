/** Targets: kept, listed, and shown in full. Secrets go in and never come out. */
import { createHash } from 'node:crypto';
import type { Incidents } from '../incidents/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import { type Db, Prisma, type Tx } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import { newId, newToken } from '../platform/ids.ts';
import type { Secrets } from '../platform/secrets.ts';
import type { Prober } from './checks/index.ts';
import {
  addressFault,
  type CheckResult,
  defaults,
  type Remedy,
  type RemedyInput,
  type TargetCreate,
  type TargetKind,
  type TargetSettings,
  type TargetUpdate,
  targetSettingsSchema,
} from './contract.ts';
import type { Remedies } from './remedies/index.ts';
import { openSealed, type Sealed, sealTarget } from './watch.ts';

const MAX_TARGETS = 20_000;
const PROBE_TIMEOUT_MS = 60_000;

export type Targets = {
  /** `heartbeatUrl` is shown this one time. */
  create(authority: Authority, input: TargetCreate): Promise<{ id: string; heartbeatUrl?: string }>;
  update(authority: Authority, input: TargetUpdate): Promise<void>;
  remove(authority: Authority, ids: readonly string[]): Promise<number>;
  pause(authority: Authority, ids: readonly string[], paused: boolean): Promise<number>;
  /** A new heartbeat address; the old one ends at once. */
  renewHeartbeat(authority: Authority, id: string): Promise<{ heartbeatUrl: string }>;
  /** Lets a demoted remedy run by itself again. */
  reinstate(authority: Authority, id: string): Promise<void>;
  /** One check now, outside the schedule; nothing is stored. */
  check(id: string): Promise<CheckResult>;
  /** The same for settings that are not saved. */
  probe(input: TargetCreate): Promise<CheckResult>;
};

export function createTargets(deps: {
  db: Db;
  bus: Bus;
  audit: Audit;
  clock: Clock;
  secrets: Secrets;
  prober: Prober;
  remedies: Remedies;
  incidents: Incidents;
}): Targets {
  const { db, bus, audit, clock, secrets, prober, remedies, incidents } = deps;
  const announce = (id: string) => bus.publish({ topic: 'health', type: 'target', id });

  const checkParents = async (tx: Tx, id: string, parents: readonly string[]): Promise<void> => {
    if (parents.length === 0) return;
    const found = await tx.target.findMany({
      where: { id: { in: [...parents] } },
      select: { id: true, name: true },
    });
    const missing = parents.find((each) => !found.some((row) => row.id === each));
    if (missing) throw invalid('dependsOn', `There is no target ${missing}`);
    if (parents.includes(id)) throw invalid('dependsOn', 'A target cannot depend on itself');
    // Whether the new parents depend on this target, however far up.
    const cycle = await tx.$queryRaw<{ names: string[] }[]>`
      WITH RECURSIVE up(id, path) AS (
        SELECT t.id, ARRAY[t.name] FROM targets t WHERE t.id = ANY(${[...parents]}::uuid[])
        UNION ALL
        SELECT d.parent_id, path || t.name FROM up
        JOIN target_dependencies d ON d.child_id = up.id JOIN targets t ON t.id = d.parent_id
        WHERE array_length(path, 1) < 50)
      SELECT path AS names FROM up WHERE id = ${id}::uuid LIMIT 1`;
    if (cycle[0]) {
      throw invalid('dependsOn', `This would be a circle: ${cycle[0].names.join(' → ')}`);
    }
  };
  const setParents = async (tx: Tx, id: string, parents: readonly string[]): Promise<void> => {
    const unique = [...new Set(parents)];
    // One writer of the graph at a time, so that two changes cannot close a circle together.
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${0x7768}, 7)`;
    await checkParents(tx, id, unique);
    await tx.targetDependency.deleteMany({ where: { childId: id } });
    await tx.targetDependency.createMany({
      data: unique.map((parentId) => ({ childId: id, parentId })),
    });
  };
  const checkRemedy = (remedy: Remedy | null) => {
    const fault = remedy ? remedies.fault(remedy) : null;
    if (fault) throw invalid('remedy.name', fault);
  };
  const locked = async (tx: Tx, id: string) => {
    await tx.$queryRaw`SELECT 1 FROM targets WHERE id = ${id}::uuid FOR UPDATE`;
    const row = await tx.target.findUnique({
      where: { id },
      select: {
        name: true,
        kind: true,
        address: true,
        sealed: true,
        paused: true,
        intervalSeconds: true,
        timeoutMs: true,
        failAfter: true,
        recoverAfter: true,
        settings: true,
        group: true,
        tags: true,
        remedy: true,
        remedyMode: true,
        demotedAt: true,
      },
    });
    if (!row) throw new AppError('NOT_FOUND', 'There is no such target.');
    return row;
  };

  return {
    async create(authority, input) {
      const now = clock.now();
      const id = newId(now);
      const beat = input.kind === 'heartbeat' ? newToken() : null;
      const address = splitAddress(input.kind, input.url);
      const remedy = remedyOf(input.remedy ?? null);
      checkRemedy(remedy);
      const sealed: Sealed = {
        ...(address.secret ? { url: address.secret } : {}),
        ...(input.headers && Object.keys(input.headers).length > 0
          ? { headers: input.headers }
          : {}),
        ...secretOf(input.remedy ?? null),
      };
      const data = {
        name: input.name,
        kind: input.kind,
        address: address.shown,
        paused: input.paused ?? false,
        intervalSeconds:
          input.intervalSeconds ??
          (input.kind === 'heartbeat'
            ? defaults.heartbeatIntervalSeconds
            : defaults.intervalSeconds),
        timeoutMs: input.timeoutMs ?? defaults.timeoutMs,
        failAfter: input.failAfter ?? defaults.failAfter,
        recoverAfter: input.recoverAfter ?? defaults.recoverAfter,
        settings: settingsOf(input, null),
        group: input.group ?? null,
        tags: input.tags ?? [],
        remedyMode: input.remedyMode ?? 'automatic',
      };
      await db.tx(async (tx) => {
        const count = await tx.target.count();
        if (count >= MAX_TARGETS) {
          throw new AppError('CONFLICT', `There are ${count} targets, the most allowed.`);
        }
        await tx.target.create({
          data: {
            ...data,
            id,
            remedy: remedy ?? Prisma.DbNull,
            sealed: sealTarget(secrets, id, sealed),
            heartbeatHash: beat ? hashOf(beat) : null,
            createdAt: now,
            createdBy: authority.actor.name,
            updatedAt: now,
          },
          select: { id: true },
        });
        await tx.targetState.create({
          data: { targetId: id, state: 'unknown', observed: 'unknown', since: now },
          select: { targetId: true },
        });
        if (input.dependsOn && input.dependsOn.length > 0)
          await setParents(tx, id, input.dependsOn);
        await audit.append(tx, authority, {
          action: 'health.target.create',
          target: { kind: 'target', id, name: input.name },
          after: { ...data, remedy, dependsOn: input.dependsOn ?? [] },
        });
      });
      announce(id);
      return { id, ...(beat ? { heartbeatUrl: heartbeatPath(beat) } : {}) };
    },
    async update(authority, input) {
      const { id, dependsOn } = input;
      const now = clock.now();
      await db.tx(async (tx) => {
        const row = await locked(tx, id);
        const sealed = openSealed(secrets, id, row.sealed);
        const address = input.url === undefined ? null : splitAddress(row.kind, input.url);
        const given = input.remedy === undefined ? null : { remedy: remedyOf(input.remedy) };
        // Stored by this service from a checked input.
        const before = row.remedy as Remedy | null;
        const remedy = given ? given.remedy : before;
        if (given) checkRemedy(remedy);
        const keepsSecret =
          input.remedy?.kind === 'webhook' &&
          input.remedy.secret === undefined &&
          before?.kind === 'webhook' &&
          before.url === input.remedy.url;
        const nextSealed: Sealed = {
          ...(address ? (address.secret ? { url: address.secret } : {}) : pick(sealed, 'url')),
          ...(input.headers === undefined
            ? pick(sealed, 'headers')
            : Object.keys(input.headers).length > 0
              ? { headers: input.headers }
              : {}),
          ...(given && !keepsSecret
            ? secretOf(input.remedy ?? null)
            : pick(sealed, 'remedySecret')),
        };
        const nextRemedy =
          keepsSecret && remedy?.kind === 'webhook'
            ? { ...remedy, signed: sealed.remedySecret !== undefined }
            : remedy;
        const changes = {
          name: input.name ?? row.name,
          address: address?.shown ?? row.address,
          paused: input.paused ?? row.paused,
          intervalSeconds: input.intervalSeconds ?? row.intervalSeconds,
          timeoutMs: input.timeoutMs ?? row.timeoutMs,
          failAfter: input.failAfter ?? row.failAfter,
          recoverAfter: input.recoverAfter ?? row.recoverAfter,
          settings: settingsOf(input, targetSettingsSchema.parse(row.settings)),
          group: input.group === undefined ? row.group : input.group,
          tags: input.tags ?? row.tags,
          remedyMode: input.remedyMode ?? row.remedyMode,
        };
        const newRemedy = JSON.stringify(nextRemedy) !== JSON.stringify(before);
        await tx.target.update({
          where: { id },
          data: {
            ...changes,
            remedy: nextRemedy ?? Prisma.DbNull,
            sealed: sealTarget(secrets, id, nextSealed),
            updatedAt: now,
            // Another remedy has yet to show what it does.
            ...(newRemedy ? { demotedAt: null, demotedReason: null } : {}),
          },
          select: { id: true },
        });
        if (dependsOn) await setParents(tx, id, dependsOn);
        const { sealed: _, demotedAt: __, kind, ...plain } = row;
        await audit.append(tx, authority, {
          action: 'health.target.update',
          target: { kind: 'target', id, name: changes.name },
          before: { ...plain, kind },
          after: {
            ...changes,
            kind,
            remedy: nextRemedy,
            ...(dependsOn ? { dependsOn } : {}),
            ...(input.headers ? { headersChanged: true } : {}),
          },
        });
      });
      announce(id);
    },
    async remove(authority, ids) {
      let removed: { id: string; name: string }[] = [];
      await db.tx(async (tx) => {
        removed = await tx.target.findMany({
          where: { id: { in: [...ids] } },
          select: { id: true, name: true },
        });
        if (removed.length === 0) return;
        const gone = removed.map(({ id }) => id);
        const open = await tx.incidentMember.findMany({
          where: {
            targetId: { in: gone },
            recoveredAt: null,
            incident: { status: { not: 'resolved' } },
          },
          select: { targetId: true, name: true },
          take: 1_000,
        });
        // Nothing is left that could recover it, so its incidents end with it.
        for (const { targetId, name } of open) {
          await incidents.recovered(tx, { id: targetId, name }, 'the target was removed');
        }
        await tx.target.deleteMany({ where: { id: { in: gone } } });
        await audit.append(tx, authority, {
          action: 'health.target.remove',
          target: {
            kind: 'target',
            id: removed.length === 1 ? (removed[0]?.id ?? null) : null,
            name: removed.length === 1 ? (removed[0]?.name ?? null) : `${removed.length} targets`,
          },
          before: { targets: removed.slice(0, 500) },
        });
      });
      if (removed.length === 0) throw new AppError('NOT_FOUND', 'There is no such target.');
      for (const { id } of removed.slice(0, 100)) {
        bus.publish({ topic: 'health', type: 'removed', id });
      }
      return removed.length;
    },
    async pause(authority, ids, paused) {
      let changed: string[] = [];
      await db.tx(async (tx) => {
        const rows = await tx.target.updateManyAndReturn({
          where: { id: { in: [...ids] }, paused: !paused },
          data: { paused, updatedAt: clock.now() },
          select: { id: true, name: true },
        });
        changed = rows.map(({ id }) => id);
        if (rows.length === 0) return;
        await audit.append(tx, authority, {
          action: paused ? 'health.target.pause' : 'health.target.resume',
          target: {
            kind: 'target',
            id: rows.length === 1 ? (rows[0]?.id ?? null) : null,
            name: rows.length === 1 ? (rows[0]?.name ?? null) : `${rows.length} targets`,
          },
          after: { paused, targets: rows.slice(0, 500) },
        });
      });
      if (changed[0]) announce(changed[0]);
      return changed.length;
    },
    async renewHeartbeat(authority, id) {
      const token = newToken();
      await db.tx(async (tx) => {
        const row = await locked(tx, id);
        if (row.kind !== 'heartbeat') {
          throw new AppError('CONFLICT', `${row.name} is not a heartbeat target.`);
        }
        await tx.target.update({
          where: { id },
          data: { heartbeatHash: hashOf(token), updatedAt: clock.now() },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'health.target.renewHeartbeat',
          target: { kind: 'target', id, name: row.name },
        });
      });
      announce(id);
      return { heartbeatUrl: heartbeatPath(token) };
    },
    async reinstate(authority, id) {
      await db.tx(async (tx) => {
        const row = await locked(tx, id);
        if (!row.demotedAt) throw new AppError('CONFLICT', 'The remedy was not demoted.');
        await tx.target.update({
          where: { id },
          data: { demotedAt: null, demotedReason: null, updatedAt: clock.now() },
          select: { id: true },
        });
        await audit.append(tx, authority, {
          action: 'health.remedy.reinstate',
          target: { kind: 'target', id, name: row.name },
          before: { mode: 'approval' },
          after: { mode: 'automatic' },
        });
      });
      announce(id);
    },
    async check(id) {
      const row = await db.prisma.target.findUnique({
        where: { id },
        select: { kind: true, address: true, sealed: true, settings: true, timeoutMs: true },
      });
      if (!row) throw new AppError('NOT_FOUND', 'There is no such target.');
      if (row.kind === 'heartbeat') {
        throw new AppError('CONFLICT', 'A heartbeat target calls in; there is nothing to check.');
      }
      const sealed = openSealed(secrets, id, row.sealed);
      return prober({
        kind: row.kind,
        url: sealed.url ?? row.address,
        headers: sealed.headers ?? {},
        settings: targetSettingsSchema.parse(row.settings),
        timeoutMs: row.timeoutMs,
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
    },
    async probe(input) {
      if (input.kind === 'heartbeat') {
        throw new AppError('CONFLICT', 'A heartbeat target calls in; there is nothing to check.');
      }
      return prober({
        kind: input.kind,
        url: normalUrl(input.kind, input.url ?? ''),
        headers: input.headers ?? {},
        settings: settingsOf(input, null),
        timeoutMs: input.timeoutMs ?? defaults.timeoutMs,
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
    },
  };
}

export const hashOf = (token: string) =>
  new Uint8Array(createHash('sha256').update(token).digest());
const heartbeatPath = (token: string) => `/api/heartbeat/${token}`;
const invalid = (path: string, message: string) =>
  new AppError('BAD_REQUEST', `${path}: ${message}.`, { fields: [{ path, message }] });
const pick = <K extends keyof Sealed>(sealed: Sealed, key: K): Sealed =>
  sealed[key] === undefined ? {} : { [key]: sealed[key] };

const normalUrl = (kind: TargetKind, url: string) =>
  kind === 'tcp' && !url.includes('://') ? `tcp://${url}` : url;

/** What may be shown of a URL, and the whole of it when that is not all. */
function splitAddress(
  kind: TargetKind,
  url: string | undefined,
): { shown: string; secret: string | null } {
  const fault = addressFault(kind, url);
  if (fault) throw invalid('url', fault);
  if (kind === 'heartbeat' || !url) return { shown: '', secret: null };
  const whole = normalUrl(kind, url);
  const parsed = new URL(whole);
  const secretQuery = /(token|key|secret|password|signature|sig|auth)/i;
  let secret = parsed.password !== '';
  if (secret) parsed.password = '';
  for (const name of [...parsed.searchParams.keys()]) {
    if (!secretQuery.test(name)) continue;
    parsed.searchParams.set(name, '…');
    secret = true;
  }
  return secret ? { shown: decodeURI(parsed.href), secret: whole } : { shown: whole, secret: null };
}

const remedyOf = (input: RemedyInput | null): Remedy | null => {
  if (input?.kind !== 'webhook') return input;
  return { kind: 'webhook', url: input.url, signed: input.secret !== undefined };
};
const secretOf = (input: RemedyInput | null): Sealed =>
  input?.kind === 'webhook' && input.secret !== undefined ? { remedySecret: input.secret } : {};

function settingsOf(
  input: Omit<TargetUpdate, 'id' | 'name'>,
  before: TargetSettings | null,
): TargetSettings {
  const base = before ?? targetSettingsSchema.parse({});
  return {
    expect: input.expect ?? base.expect,
    method: input.method ?? base.method,
    verifyTls: input.verifyTls ?? base.verifyTls,
    tlsWarnDays: input.tlsWarnDays ?? base.tlsWarnDays,
    errorRate: input.errorRate ?? base.errorRate,
    headerNames: input.headers ? Object.keys(input.headers) : base.headerNames,
  };
}
