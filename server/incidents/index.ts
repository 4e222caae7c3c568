/**
 * Incidents: what is wrong, since when, what was done about it, and who was told.
 *
 * At most one incident that is not resolved exists for a key (a target, or a group of targets), kept by a unique
 * index. Alertmanager's three times apply: members of a group that fail within 30 s share one first message,
 * news of a group comes at most every 5 min, and what nobody acknowledged is repeated after 4 h. An incident
 * resolves by itself when all its targets are well, or, when another system reported it, when that one says so; its resolve message always follows its trigger.
 */
export { incidentsRouter } from './router.ts';
export {
  createIncidents,
  type Incidents,
  type OpenIncident,
  type ReportedIncident,
} from './service.ts';
