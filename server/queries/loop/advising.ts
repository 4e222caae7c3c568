/** The advisor on a watched database: over what was collected of it, or on texts that somebody asks about. */
import { advise } from '../advisor/advise.ts';
import type { Workload, WorkloadStatement } from '../advisor/workload.ts';
import type { Advice } from '../contract.ts';
import type { Explain } from '../explain/service.ts';
import type { Statements } from '../statement/service.ts';
import type { Target, Targets } from '../targets.ts';
import type { Workloads } from '../workloads.ts';

const WINDOW_MS = 24 * 3_600_000;
/** What nobody has counted is taken to be asked this often in a day. */
const ASSUMED_CALLS = 1_000;

export type Advising = {
  /** Over the last day. */
  ofWorkload(databaseId: string, signal?: AbortSignal): Promise<Advice[]>;
  /** On these, with the figures of those that are known. Advice names them by their normalised text. */
  ofTexts(databaseId: string, texts: readonly string[], signal?: AbortSignal): Promise<Advice[]>;
};

export function createAdvising(deps: {
  targets: Targets;
  statements: Statements;
  workloads: Workloads;
  explain: Pick<Explain, 'refusals'>;
  find: (databaseId: string) => Promise<Target>;
}): Advising {
  const { targets, statements, workloads, explain, find } = deps;

  const ask = async (
    databaseId: string,
    workload: Workload,
    signal: AbortSignal | undefined,
  ): Promise<Advice[]> => {
    if (workload.statements.length === 0) return [];
    const session = await targets.open(await find(databaseId), {
      purpose: 'advise',
      ...(signal ? { signal } : {}),
    });
    try {
      // The planner may run functions, with the rights of our role and not of whoever sent the statement.
      const texts = workload.statements.map(({ sql }) => sql);
      const refusals = await explain.refusals(session, texts, signal);
      const advice = await advise(
        session,
        (given) => statements.read(given, signal),
        { ...workload, statements: workload.statements.filter((_, n) => refusals[n] === null) },
        { ...(signal ? { signal } : {}) },
      );
      return [
        ...advice,
        ...workload.statements.flatMap(({ id }, n): Advice[] => {
          const reason = refusals[n];
          return reason ? [{ kind: 'none', query: id, reason }] : [];
        }),
      ];
    } finally {
      await session.close();
    }
  };

  return {
    async ofWorkload(databaseId, signal) {
      return ask(databaseId, await workloads.of(databaseId, WINDOW_MS), signal);
    },
    async ofTexts(databaseId, texts, signal) {
      const workload = await workloads.of(databaseId, WINDOW_MS);
      const described = await statements.describe(texts, signal);
      const known = new Map(workload.statements.map((statement) => [statement.id, statement]));
      const asked = new Map<string, WorkloadStatement>();
      for (const [n, sql] of texts.entries()) {
        const { fingerprint = '', normalized = sql } = described[n] ?? {};
        const counted = known.get(fingerprint);
        asked.set(fingerprint, {
          meanMs: null,
          rows: null,
          blocks: null,
          parameters: [],
          repeated: null,
          calls: ASSUMED_CALLS,
          ...counted,
          // The text that was given may hold constants, which a counted one has lost.
          id: normalized,
          sql,
        });
      }
      return ask(
        databaseId,
        {
          ...workload,
          events: [],
          windowMs: known.size > 0 ? workload.windowMs : WINDOW_MS,
          statements: [...asked.values()],
        },
        signal,
      );
    },
  };
}
