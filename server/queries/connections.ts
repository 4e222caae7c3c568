/** How many connections a watched database has, and how many it may have. */
import { AppError } from '../platform/errors.ts';
import { MARK, type Target, type Targets } from './targets.ts';

export type Connections = (
  databaseId: string,
  signal?: AbortSignal,
) => Promise<{ used: number; max: number }>;

export function createConnections(deps: {
  targets: Targets;
  find: (id: string) => Promise<Target>;
}): Connections {
  return async (databaseId, signal) => {
    const session = await deps.targets.open(await deps.find(databaseId), {
      purpose: 'collect',
      ...(signal ? { signal } : {}),
    });
    try {
      // Those kept back for superusers cannot be had by anybody else.
      const [row] = await session.query<{ used: number; max: number }>(
        `SELECT ${MARK} (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')::int AS used,
                current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS max`,
      );
      if (!row) throw new AppError('SERVICE_UNAVAILABLE', 'The server answered nothing.');
      return row;
    } finally {
      await session.close();
    }
  };
}
