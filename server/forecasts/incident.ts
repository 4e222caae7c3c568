/** An anomaly of a forecast that is told to people is an incident; it ends by itself. */
import type { Incidents } from '../incidents/index.ts';
import type { Tx } from '../platform/db/index.ts';

const SOURCE = 'forecasts';

export type ForecastIncidents = {
  /** Answers whom to announce. */
  anomalous(
    tx: Tx,
    given: { id: string; name: string; since: Date; detail: string },
  ): Promise<string | null>;
  ended(tx: Tx, forecastId: string, detail: string): Promise<string | null>;
  announce(incidentId: string): void;
};

export function createForecastIncidents(
  incidents: Pick<Incidents, 'report' | 'ended' | 'announce'>,
): ForecastIncidents {
  const keyOf = (id: string) => `${SOURCE}:${id}`;
  return {
    async anomalous(tx, { id, name, since, detail }) {
      const { id: incidentId, outcome } = await incidents.report(tx, {
        key: keyOf(id),
        source: SOURCE,
        title: `${name} is not as expected`,
        severity: 'warning',
        startedAt: since,
        sameOutage: true,
        detail,
        facts: [{ label: 'Forecast', value: name }],
        // What changes from hour to hour stands on the page; the incident is told once.
        mark: since.toISOString(),
      });
      return outcome === 'opened' || outcome === 'updated' ? incidentId : null;
    },
    ended: (tx, forecastId, detail) =>
      incidents.ended(tx, { key: keyOf(forecastId), endedAt: null, detail }),
    announce: incidents.announce,
  };
}
