/** What a query needs to become a panel. Pure. */
import type { Panel } from '../../server/dashboards/contract.ts';
import { type Draft, queryOf } from './draft.ts';

/** The query of a panel: its range is the page's; only a step that was chosen is kept. */
export function panelQuery(draft: Draft): Panel['query'] {
  const { step, groupBy = [], filters = [], ...query } = queryOf(draft, { relative: '1h' });
  return {
    ...query,
    groupBy,
    filters,
    ...(draft.step === 'auto' || step === undefined ? {} : { step }),
  };
}

/** The first row below everything. */
export const bottomOf = (panels: readonly Pick<Panel, 'y' | 'height'>[]): number =>
  panels.reduce((lowest, { y, height }) => Math.max(lowest, y + height), 0);
