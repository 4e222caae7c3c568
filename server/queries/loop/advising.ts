/** The advisor's list over what was collected of a watched database. */
import { advise } from '../advisor/advise.ts';
import type { Advice } from '../contract.ts';
import type { Statements } from '../statement/service.ts';
import type { Target, Targets } from '../targets.ts';
import type { Workloads } from '../workloads.ts';

const WINDOW_MS = 24 * 3_600_000;

export const createAdvising =
  (deps: {
    targets: Targets;
    statements: Statements;
    workloads: Workloads;
    find: (databaseId: string) => Promise<Target>;
  }) =>
  async (databaseId: string, signal?: AbortSignal): Promise<Advice[]> => {
    const target = await deps.find(databaseId);
    const workload = await deps.workloads.of(databaseId, WINDOW_MS);
    if (workload.statements.length === 0) return [];
    const session = await deps.targets.open(target, {
      purpose: 'advise',
      ...(signal ? { signal } : {}),
    });
    try {
      return await advise(session, (texts) => deps.statements.read(texts, signal), workload, {
        ...(signal ? { signal } : {}),
      });
    } finally {
      await session.close();
    }
  };
