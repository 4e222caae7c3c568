/** A database that cannot be looked at for five minutes is an incident; it ends with the first look that works. */
import type { Incidents } from '../incidents/index.ts';
import type { Tx } from '../platform/db/index.ts';

const AFTER_MS = 300_000;
const SOURCE = 'queries';

export type DatabaseIncidents = {
  /** Opens one, or brings it up to date; answers whom to announce. */
  failing(
    tx: Tx,
    database: { id: string; name: string; since: Date; detail: string; place: string },
    now: Date,
  ): Promise<string | null>;
  ended(tx: Tx, databaseId: string, detail: string): Promise<string | null>;
  announce(incidentId: string): void;
};

export function createDatabaseIncidents(
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>,
): DatabaseIncidents {
  const keyOf = (id: string) => `${SOURCE}:${id}`;
  return {
    async failing(tx, { id, name, since, detail, place }, now) {
      if (now.getTime() - since.getTime() < AFTER_MS) return null;
      const { id: incidentId, outcome } = await incidents.report(tx, {
        key: keyOf(id),
        source: SOURCE,
        title: `The database ${name} cannot be looked at`,
        severity: 'warning',
        startedAt: since,
        sameOutage: true,
        detail,
        facts: [{ label: 'Database', value: place }],
        mark: detail,
      });
      return outcome === 'opened' || outcome === 'updated' ? incidentId : null;
    },
    ended: (tx, databaseId, detail) =>
      incidents.ended(tx, { key: keyOf(databaseId), endedAt: null, detail }),
    announce: incidents.announce,
  };
}
