/**
 * What happened between two looks at `pg_stat_statements`. Its counters only grow, but entries are evicted and begin anew,
 * someone resets them, the server restarts or another one answers. The rule: an entry that was not there, or whose
 * counters fell, began after the look before, so all that it counts happened since; where that is not certain the look
 * is a new baseline and says nothing. So a figure may be too small, and is never negative or counted twice. Pure.
 */

export type Counts = {
  calls: number;
  totalMs: number;
  rows: number;
  /** Blocks of 8 KiB found in shared memory, and read. */
  hits: number;
  reads: number;
  ioMs: number;
  /** Blocks of 8 KiB written to temporary files. */
  temps: number;
};
export type Entry = Counts & {
  /** One per user, statement and nesting; entries of one `queryId` are summed. */
  key: string;
  queryId: string;
  /** When the server began to count it, in its own time; from version 1.11 of the extension. */
  sinceMs: number | null;
};
export type Look = {
  /** Time of the server. */
  atMs: number;
  /** Start of the server: another one means a restart, or another server. */
  startedAt: string;
  resetAt: string | null;
  /** How often entries were evicted; from version 1.9. */
  evictions: number | null;
  /** Entries that the role may not see. */
  hidden: number;
  entries: readonly Entry[];
};
export type Difference = {
  /** Why this look says nothing but what the next is counted from. */
  baseline: 'first' | 'restart' | 'rights' | null;
  reset: boolean;
  evicted: number;
  /** By query id; only those that ran. */
  deltas: Map<string, Counts>;
};

const fields = ['calls', 'totalMs', 'rows', 'hits', 'reads', 'ioMs', 'temps'] as const;
const zero = (): Counts => ({
  calls: 0,
  totalMs: 0,
  rows: 0,
  hits: 0,
  reads: 0,
  ioMs: 0,
  temps: 0,
});

export function add(to: Counts, more: Counts): void {
  for (const field of fields) to[field] += more[field];
}

export function compare(before: Look | null, after: Look): Difference {
  const none = (baseline: Difference['baseline']): Difference => ({
    baseline,
    reset: false,
    evicted: 0,
    deltas: new Map(),
  });
  if (!before) return none('first');
  if (before.startedAt !== after.startedAt || after.atMs < before.atMs) return none('restart');
  // Entries that come to light were not all counted since the look before.
  if (after.hidden < before.hidden) return none('rights');

  const reset = before.resetAt !== after.resetAt;
  const known = new Map(reset ? [] : before.entries.map((entry) => [entry.key, entry]));
  const deltas = new Map<string, Counts>();
  for (const entry of after.entries) {
    const delta = growth(known.get(entry.key), entry, before.atMs);
    if (delta.calls <= 0) continue;
    const sum = deltas.get(entry.queryId);
    if (sum) add(sum, delta);
    else deltas.set(entry.queryId, delta);
  }
  const evicted =
    reset || before.evictions === null || after.evictions === null
      ? 0
      : Math.max(0, after.evictions - before.evictions);
  return { baseline: null, reset, evicted, deltas };
}

function growth(before: Entry | undefined, after: Entry, lookedAtMs: number): Counts {
  const delta = zero();
  if (before && !beganAnew(before, after)) {
    for (const field of fields) delta[field] = Math.max(0, after[field] - before[field]);
    return delta;
  }
  // It says itself that it is older than the last look: what it counted since is not known.
  if (!before && after.sinceMs !== null && after.sinceMs < lookedAtMs) return delta;
  for (const field of fields) delta[field] = after[field];
  return delta;
}

function beganAnew(before: Entry, after: Entry): boolean {
  if (before.sinceMs !== null && after.sinceMs !== null && before.sinceMs !== after.sinceMs)
    return true;
  return fields.some((field) => after[field] < before[field] - tolerance(before[field]));
}
// Sums of milliseconds that went through text may differ in the last digit.
const tolerance = (value: number): number => value * 1e-12;
