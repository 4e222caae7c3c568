/**
 * Alerts: what a Prometheus Alertmanager sends becomes incidents.
 *
 * One incident for one fingerprint (one set of labels). It opens when the alert fires, is brought up to date when its
 * annotations change, and resolves when Alertmanager says so. At most one that is not resolved exists for a
 * fingerprint, kept by the incidents' unique index: what Alertmanager sends again, or two of them send at once,
 * changes nothing. Each alert is its own transaction with its own audit entry; one that cannot be read does not lose
 * the others. An incident that a person resolved stays resolved for the same outage (the same `startsAt`).
 * Source of the payload: Alertmanager's documentation, "Webhook", version 4.
 */
export { type Alerts, createAlerts } from './service.ts';
