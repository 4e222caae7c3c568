/**
 * N+1: a statement that a program sends once for each row of another one's result. Told from the order in which statements
 * of one request came: the same normalised SELECT at least five times, one after the other, after a statement that was its
 * source, with different values. Pollers (other requests), inserts, lists of values (`= ANY`) and calls that overlap are none.
 *
 * Source: Sentry's N+1 detector (5 spans, 50 ms, sequential, a source span); Prosopite (same fingerprint and call site). Pure.
 */

export type SequenceStep = {
  trace: string;
  caller: string;
  atMs: number;
  durationMs: number | null;
  fingerprint: string;
  isSelect: boolean;
  tables: readonly string[];
  /** What its values are, as one text; null when unknown. */
  values: string | null;
  /** The only column that is compared with one value, with its table; null for anything else. */
  key: { table: string; column: string } | null;
};
export type NPlusOne = {
  trace: string;
  caller: string;
  fingerprint: string;
  /** Fingerprint of the statement whose rows it follows. */
  parent: string | null;
  parentTable: string | null;
  child: string;
  key: string;
  calls: number;
  /** Requests in which it was seen. */
  traces: number;
  totalMs: number | null;
};

const MIN_CALLS = 5;
const MIN_TOTAL_MS = 50;
const MAX_GAP_MS = 1_000;

/** `minTotalMs` is for sequences whose times are known; `related` says whether a foreign key joins two tables. */
export function findNPlusOne(
  steps: readonly SequenceStep[],
  options: {
    minCalls?: number;
    minTotalMs?: number;
    related?: (table: string, other: string) => boolean;
  } = {},
): NPlusOne[] {
  const minCalls = options.minCalls ?? MIN_CALLS;
  const minTotalMs = options.minTotalMs ?? MIN_TOTAL_MS;
  const related = options.related ?? (() => false);
  const traces = Map.groupBy(steps, ({ trace }) => trace);
  const found = new Map<string, NPlusOne>();
  for (const [trace, unordered] of traces) {
    const ordered = unordered
      .map((step, n) => ({ step, n }))
      .sort((a, b) => a.step.atMs - b.step.atMs || a.n - b.n)
      .map(({ step }) => step);
    const counts = new Map<string, number>();
    for (const { fingerprint } of ordered)
      counts.set(fingerprint, (counts.get(fingerprint) ?? 0) + 1);
    const groups = Map.groupBy(
      ordered.flatMap((step, at) => (step.isSelect && step.key ? [{ step, at }] : [])),
      ({ step }) => `${step.fingerprint} ${step.caller}`,
    );
    for (const group of groups.values()) {
      const [first] = group;
      if (!first?.step.key || group.length < minCalls) continue;
      const { table: child, column: key } = first.step.key;
      const run = sequential(group.map(({ step }) => step));
      if (run.length < minCalls) continue;
      const known = run.filter(({ values }) => values !== null);
      if (known.length > 0 && new Set(known.map(({ values }) => values)).size < 2) continue;
      const times = run.map(({ durationMs }) => durationMs);
      const totalMs = times.some((time) => time === null)
        ? null
        : times.reduce<number>((sum, time) => sum + (time ?? 0), 0);
      if (totalMs !== null && totalMs < minTotalMs) continue;
      const earlier = ordered
        .slice(0, first.at)
        .reverse()
        .filter((step) => step.isSelect && step.fingerprint !== first.step.fingerprint);
      // Of two loops over one list neither is the other's source, unless a key joins them.
      const parent =
        earlier.find(({ tables }) => tables.some((table) => related(table, child))) ??
        earlier.find((step) => (counts.get(step.fingerprint) ?? 0) < minCalls) ??
        earlier[0];
      // Without a source it is a loop over something else, such as a list that a client sent.
      if (!parent) continue;
      const id = `${first.step.fingerprint} ${parent.fingerprint} ${first.step.caller}`;
      const before = found.get(id);
      found.set(id, {
        trace: before && before.calls >= run.length ? before.trace : trace,
        caller: first.step.caller,
        fingerprint: first.step.fingerprint,
        parent: parent.fingerprint,
        parentTable:
          parent.tables.length === 1
            ? (parent.tables[0] ?? null)
            : (parent.tables.find((table) => table !== child) ?? null),
        child,
        key,
        calls: Math.max(before?.calls ?? 0, run.length),
        traces: (before?.traces ?? 0) + 1,
        totalMs: totalMs === null ? (before?.totalMs ?? null) : (before?.totalMs ?? 0) + totalMs,
      });
    }
  }
  return [...found.values()].sort((a, b) => b.calls * b.traces - a.calls * a.traces);
}

/** The longest run of calls that do not overlap and follow each other closely. */
function sequential(steps: readonly SequenceStep[]): SequenceStep[] {
  let best: SequenceStep[] = [];
  let run: SequenceStep[] = [];
  for (const step of steps) {
    const last = run.at(-1);
    const end = last ? last.atMs + (last.durationMs ?? 0) : step.atMs;
    // Clocks of milliseconds make neighbours touch.
    if (last && (step.atMs < end - 1 || step.atMs - end > MAX_GAP_MS)) run = [];
    run.push(step);
    if (run.length > best.length) best = run;
  }
  return best;
}
