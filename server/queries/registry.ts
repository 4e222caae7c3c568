/**
 * Which statement a text is. Texts of all sources (counters, spans, logs, the console's own calls) come together here by
 * the parser's fingerprint and are kept with `$n` in place of values. A text that does not parse is kept as its length.
 */
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Secrets } from '../platform/secrets.ts';
import { MARK } from './collect/read.ts';
import type { WatchedKind } from './contract.ts';
import type { Statements } from './statement/service.ts';

/** Longer ones are cut; the fingerprint is of the whole text. */
const MAX_KEPT = 100_000;
const MAX_CACHED = 20_000;
const MANY = 1_000;
const CACHED_MS = 3_600_000;
const MAX_CACHED_CHARS = 32_000_000;

export type Known = {
  id: number;
  fingerprint: string;
  /** With `$n` in place of values. */
  normalized: string;
  kind: WatchedKind;
  tables: string[];
};
export type Registry = {
  /**
   * In the order of `texts`. Of those that do not parse `nameless` gives the name by which they are told apart; without
   * one it is made from the text under a key.
   */
  identify(
    databaseId: string,
    texts: readonly { text: string; nameless?: string }[],
    signal?: AbortSignal,
  ): Promise<Known[]>;
  /** Where it is known already. */
  peek(databaseId: string, text: string): Known | undefined;
  /** Forgets what it knows of a database that is gone. */
  clear(): void;
};

type Described = Omit<Known, 'id'> & { truncated: boolean };

export function createRegistry(deps: {
  db: Db;
  clock: Clock;
  secrets: Secrets;
  statements: Statements;
}): Registry {
  const { db, clock, statements } = deps;
  const key = deps.secrets.derive('query texts');
  const digest = (text: string) => createHmac('sha256', key).update(text).digest('base64url');
  const cache = new LRUCache<string, Known>({
    max: MAX_CACHED,
    // A statement that was not seen for long is removed and has another number when it comes back.
    ttl: CACHED_MS,
    maxSize: MAX_CACHED_CHARS,
    sizeCalculation: ({ normalized }, name) => normalized.length + name.length + 200,
  });
  // A long text is no key: one of a megabyte would be kept twice.
  const nameOf = (databaseId: string, text: string) =>
    `${databaseId} ${text.length > 500 ? `#${digest(text)}` : text}`;

  const describe = async (
    texts: readonly { text: string; nameless?: string }[],
    signal?: AbortSignal,
  ): Promise<Described[]> => {
    const plain = texts.map(({ text }) => text);
    // The first look at a large database brings thousands at once: both threads take their half.
    const half = plain.length > MANY ? Math.ceil(plain.length / 2) : plain.length;
    const found = (
      await Promise.all(
        [plain.slice(0, half), plain.slice(half)].map((part) => statements.describe(part, signal)),
      )
    ).flat();
    return found.map((one, n) => {
      const asked = texts[n];
      const normalized = one.normalized.toWellFormed().replaceAll('\0', '');
      return {
        fingerprint:
          one.error === null
            ? one.fingerprint
            : `x${asked?.nameless ?? digest(asked?.text ?? '').slice(0, 15)}`,
        normalized: normalized.slice(0, MAX_KEPT),
        truncated: normalized.length > MAX_KEPT,
        kind: one.kind,
        tables: one.tables.slice(0, 50).map((name) => name.toWellFormed().slice(0, 200)),
      };
    });
  };
  const keep = async (databaseId: string, described: readonly Described[]) => {
    const unique = [...new Map(described.map((one) => [one.fingerprint, one])).values()].sort(
      // One order for all, so that two that write at once do not wait for each other in a circle.
      (a, b) => (a.fingerprint < b.fingerprint ? -1 : 1),
    );
    const { rows } = await db.pool.query<{ id: number; fingerprint: string }>(
      `INSERT ${MARK} INTO query_statements AS s (database_id, fingerprint, text, truncated, kind, tables, first_seen, last_seen)
       SELECT $1, fingerprint, text, truncated, kind, ARRAY(SELECT jsonb_array_elements_text(tables)), $2, $2
       FROM unnest($3::text[], $4::text[], $5::bool[], $6::text[], $7::jsonb[]) AS t(fingerprint, text, truncated, kind, tables)
       ON CONFLICT (database_id, fingerprint) DO UPDATE SET last_seen = greatest(s.last_seen, excluded.last_seen)
       RETURNING id, fingerprint`,
      [
        databaseId,
        clock.now(),
        unique.map(({ fingerprint }) => fingerprint),
        unique.map(({ normalized }) => normalized),
        unique.map(({ truncated }) => truncated),
        unique.map(({ kind }) => kind),
        unique.map(({ tables }) => JSON.stringify(tables)),
      ],
    );
    return new Map(rows.map(({ id, fingerprint }) => [fingerprint, id]));
  };

  return {
    async identify(databaseId, texts, signal) {
      const known = texts.map(({ text }) => cache.get(nameOf(databaseId, text)));
      const missing = new Map(
        texts.filter((_, n) => !known[n]).map((one) => [one.text, one] as const),
      );
      if (missing.size > 0) {
        const asked = [...missing.values()];
        const described = await describe(asked, signal);
        const ids = await keep(databaseId, described);
        described.forEach((one, n) => {
          const { truncated: _, ...rest } = one;
          cache.set(nameOf(databaseId, asked[n]?.text ?? ''), {
            ...rest,
            id: ids.get(one.fingerprint) ?? 0,
          });
        });
        const byText = new Map(asked.map(({ text }, n) => [text, described[n]] as const));
        return texts.map(({ text }, n): Known => {
          const had = known[n];
          if (had) return had;
          const one = byText.get(text);
          if (!one) throw new Error('a text that was asked for was not described');
          const { truncated: _, ...rest } = one;
          return { ...rest, id: ids.get(one.fingerprint) ?? 0 };
        });
      }
      return known.filter((one) => one !== undefined);
    },
    peek: (databaseId, text) => cache.get(nameOf(databaseId, text)),
    clear: () => cache.clear(),
  };
}
