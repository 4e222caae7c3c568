/**
 * What was revoked, known in memory on every replica. PostgreSQL holds the truth; its rows have numbers in the order of their
 * commits (a trigger sees to it), so that reading past the last number misses nothing. Read at the start, on every event of the
 * bus, and each 500 ms for the case that the bus is silent.
 */
import type { Bus } from '../platform/bus.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import {
  CLOCK_TOLERANCE_SECONDS,
  type RevocationKind,
  TTL_MAX_SECONDS,
  UNKNOWN_AFTER_MS,
} from './contract.ts';
import { createIdSet, type IdSet } from './id-set.ts';

const POLL_MS = 500;
const PAGE = 20_000;
const HEARD_BY_MS = 2_000;
/** A token counts this long after its end at most. */
export const MARGIN_MS = (CLOCK_TOLERANCE_SECONDS + 60) * 1000;

export type NewRevocation = {
  kind: RevocationKind;
  target: string;
  /** Of a subject or an issuer: what was issued until then is refused. */
  until: Date;
  reason: string;
  revokedBy: string;
  /** Nothing that it refuses can count from then on. */
  expiresAt: Date;
};
export type Revocations = {
  /** The first look; later calls wait for it. Never throws: without a database nothing is known until it is back. */
  start(): Promise<void>;
  /** Of a token's jti or a session's id; microseconds. */
  isRevoked(id: string): boolean;
  isSubjectRevoked(subject: string, issuedAtMs: number): boolean;
  isKeyRevoked(kid: string): boolean;
  /** Of who issued a token, `key:ID` or `user:ID`. */
  isIssuerRevoked(issuer: string, issuedAtMs: number): boolean;
  /** Whether the last look is recent enough to say that something was not revoked. */
  known(): boolean;
  /** Inside the transaction of the change; call `announce` after the commit. */
  add(tx: Tx, entries: readonly NewRevocation[]): Promise<void>;
  /**
   * Ends the tokens that a key or a person issued, in the transaction that takes the right to do so from them; give the
   * answer to `announce` after the commit.
   */
  endIssuedBy(
    tx: Tx,
    issuer: string,
    why: { reason: string; by: string },
  ): Promise<NewRevocation[]>;
  /** Takes effect here at once for these entries, and everywhere as soon as the event arrives. */
  announce(entries?: readonly NewRevocation[]): void;
  /** Looks now. */
  refresh(): Promise<void>;
  figures(): { loaded: boolean; count: number; bytes: number; ageMs: number };
  /** Deletes what has run out. */
  purge(): Promise<number>;
  close(): void;
};

type Index = {
  ids: IdSet;
  subjects: Map<string, number>;
  issuers: Map<string, number>;
  keys: Set<string>;
  last: number;
};
type Row = { kind: RevocationKind; target: string; untilMs: number };

function apply(index: Index, { kind, target, untilMs }: Row): void {
  if (kind === 'subject' || kind === 'issuer') {
    const until = kind === 'subject' ? index.subjects : index.issuers;
    until.set(target, Math.max(untilMs, until.get(target) ?? 0));
  } else if (kind === 'key') index.keys.add(target);
  else index.ids.add(target);
}

export function createRevocations(deps: { db: Db; bus: Bus; clock: Clock; log: Log }): Revocations {
  const { db, bus, clock, log } = deps;
  const emptyIndex = (expected: number): Index => ({
    ids: createIdSet(expected),
    subjects: new Map(),
    issuers: new Map(),
    keys: new Set(),
    last: 0,
  });
  let index = emptyIndex(0);
  let lookedAt: number | null = null;
  let reload = true;
  /** What this process announced while it read everything anew. */
  let meanwhile: Row[] | null = null;

  const readInto = async (into: Index) => {
    for (;;) {
      const { rows } = await db.pool.query<[string, RevocationKind, string, Date]>({
        name: 'revocations-new',
        text: 'SELECT seq, kind, target, until FROM revocations WHERE seq > $1 ORDER BY seq LIMIT $2',
        values: [into.last, PAGE],
        rowMode: 'array',
      });
      for (const [seq, kind, target, until] of rows) {
        apply(into, { kind, target, untilMs: until.getTime() });
        into.last = Number(seq);
      }
      if (rows.length < PAGE) return;
    }
  };
  const look = async () => {
    const began = clock.monotonicMs();
    if (reload) {
      meanwhile = [];
      const { rows } = await db.pool.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM revocations',
      );
      const fresh = emptyIndex(rows[0]?.count ?? 0);
      await readInto(fresh);
      for (const row of meanwhile) apply(fresh, row);
      meanwhile = null;
      index = fresh;
      reload = false;
    } else await readInto(index);
    lookedAt = began;
  };
  let looking: Promise<void> | null = null;
  let again = false;
  const run = async () => {
    try {
      do {
        again = false;
        await look();
      } while (again);
    } catch (err) {
      log.debug({ err }, 'revocations could not be read');
    } finally {
      looking = null;
    }
  };
  const refresh = (): Promise<void> => {
    if (looking) again = true;
    looking ??= run();
    return looking;
  };
  const stopListening = bus.on('tokens', ({ type }) => {
    // Only who has started keeps an index.
    if (!timer) return;
    if (type === 'purged') reload = true;
    if (type === 'revoked' || type === 'purged') void refresh();
  });
  let timer: NodeJS.Timeout | undefined;
  const add = async (tx: Tx, entries: readonly NewRevocation[]) => {
    if (entries.length === 0) return;
    const revokedAt = clock.now();
    await tx.revocation.createMany({ data: entries.map((entry) => ({ ...entry, revokedAt })) });
  };
  const known = () => lookedAt !== null && clock.monotonicMs() - lookedAt < UNKNOWN_AFTER_MS;

  return {
    async start() {
      timer ??= setInterval(refresh, POLL_MS).unref();
      if (lookedAt === null) await refresh();
    },
    isRevoked: (id) => index.ids.has(id),
    isSubjectRevoked: (subject, issuedAtMs) =>
      issuedAtMs <= (index.subjects.get(subject) ?? Number.NEGATIVE_INFINITY),
    isKeyRevoked: (kid) => index.keys.has(kid),
    isIssuerRevoked: (issuer, issuedAtMs) =>
      issuedAtMs <= (index.issuers.get(issuer) ?? Number.NEGATIVE_INFINITY),
    known,
    add,
    async endIssuedBy(tx, issuer, { reason, by }) {
      const now = clock.now();
      await tx.issuedToken.updateMany({
        where: { issuer, expiresAt: { gt: now }, revokedAt: null },
        data: { revokedAt: now, revokeReason: reason },
      });
      const entry: NewRevocation = {
        kind: 'issuer',
        target: issuer,
        // A replica that has not heard of it yet issues for a moment more.
        until: new Date(now.getTime() + HEARD_BY_MS),
        reason,
        revokedBy: by,
        expiresAt: new Date(now.getTime() + TTL_MAX_SECONDS * 1000 + MARGIN_MS),
      };
      await add(tx, [entry]);
      return [entry];
    },
    announce(entries = []) {
      for (const { kind, target, until } of entries) {
        const row = { kind, target, untilMs: until.getTime() };
        apply(index, row);
        meanwhile?.push(row);
      }
      bus.publish({ topic: 'tokens', type: 'revoked' });
    },
    refresh,
    figures: () => ({
      loaded: lookedAt !== null,
      count: index.ids.size() + index.subjects.size + index.issuers.size + index.keys.size,
      bytes: index.ids.bytes(),
      ageMs: lookedAt === null ? Number.POSITIVE_INFINITY : clock.monotonicMs() - lookedAt,
    }),
    async purge() {
      let purged = 0;
      for (;;) {
        const { rowCount } = await db.pool.query(
          `DELETE FROM revocations WHERE seq IN
             (SELECT seq FROM revocations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
          [clock.now(), PAGE],
        );
        purged += rowCount ?? 0;
        if ((rowCount ?? 0) < PAGE) break;
      }
      if (purged > 0) bus.publish({ topic: 'tokens', type: 'purged' });
      return purged;
    },
    close() {
      clearInterval(timer);
      timer = undefined;
      stopListening();
    },
  };
}
