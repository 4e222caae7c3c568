/**
 * Dashboards: named grids of panels, each panel one query of the metric store.
 *
 * A dashboard is one row; its panels are checked as a whole by `contract.ts` and stored as JSON. Changes carry the
 * version that was edited and are refused when it is not the newest any more, so that two people who arrange at once
 * do not overwrite each other. "Console", on the console's own metrics, is made at start when it is missing.
 */
export { dashboardsRouter } from './router.ts';
export { createDashboards } from './service.ts';
