import { createHash } from 'node:crypto';
import type { Incidents } from '../incidents/index.ts';
import type { Audit, Authority } from '../platform/audit.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import { AppError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { type Alert, readAlert } from './alert.ts';
import {
  type AlertmanagerInput,
  type AlertsResult,
  alertmanagerSchema,
  type Outcome,
} from './contract.ts';

/** Alerts that are worked on at the same time; each needs a connection. */
const CONCURRENCY = 4;

export type Alerts = {
  /** Takes one message of Alertmanager. Throws BAD_REQUEST when nothing of it can be read. */
  receive(authority: Authority, body: unknown): Promise<AlertsResult>;
};

const digest = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 32);

export function createAlerts(deps: {
  db: Db;
  clock: Clock;
  log: Log;
  audit: Audit;
  incidents: Incidents;
  /** What else alerts bring about: breakers that they hold open. */
  apply(authority: Authority, alerts: readonly Alert[]): Promise<void>;
  onAlert?: (outcome: Outcome | 'rejected') => void;
}): Alerts {
  const { db, clock, log, audit, incidents } = deps;

  /** One alert, one transaction. */
  const take = async (
    authority: Authority,
    alert: Alert,
    message: AlertmanagerInput,
  ): Promise<Outcome> => {
    let changed: string | null = null;
    const outcome = await db.tx(async (tx): Promise<Outcome> => {
      const now = clock.now();
      if (alert.status === 'resolved') {
        const id = await incidents.ended(tx, {
          key: alert.key,
          endedAt: alert.startsAt === null ? null : alert.endsAt,
          detail: 'Alertmanager says that it is over.',
        });
        if (id === null) return 'ignored';
        changed = id;
        await audit.append(tx, authority, {
          action: 'alerts.resolve',
          target: { kind: 'incident', id, name: alert.title },
          after: { fingerprint: alert.fingerprint },
        });
        return 'resolved';
      }
      const left = message.truncatedAlerts ?? 0;
      const result = await incidents.report(tx, {
        key: alert.key,
        source: 'alertmanager',
        title: alert.title,
        severity: alert.severity,
        startedAt: alert.startsAt && alert.startsAt < now ? alert.startsAt : now,
        sameOutage: alert.startsAt !== null,
        detail: alert.detail,
        facts: [
          ...alert.facts,
          ...(left > 0
            ? [{ label: 'Left out', value: `${left} more alerts of this group were not sent` }]
            : []),
        ],
        mark: alert.mark,
      });
      if (result.outcome === 'opened' || result.outcome === 'updated') changed = result.id;
      if (result.outcome === 'opened') {
        await audit.append(tx, authority, {
          action: 'alerts.open',
          target: { kind: 'incident', id: result.id, name: alert.title },
          after: { fingerprint: alert.fingerprint, severity: alert.severity },
        });
      }
      return result.outcome;
    });
    if (changed !== null) incidents.announce(changed);
    return outcome;
  };

  return {
    async receive(authority, body) {
      const message = alertmanagerSchema.parse(body);
      const result: AlertsResult = {
        received: message.alerts.length,
        truncatedAlerts: message.truncatedAlerts ?? 0,
        outcomes: { opened: 0, updated: 0, unchanged: 0, resolved: 0, ignored: 0 },
        rejected: [],
      };
      const byKey = new Map<string, Alert[]>();
      message.alerts.forEach((raw, index) => {
        const read = readAlert(raw, digest);
        if ('reason' in read) {
          result.rejected.push({ index, ...read });
          return;
        }
        const { alert } = read;
        const same = byKey.get(alert.key);
        if (same) same.push(alert);
        else byKey.set(alert.key, [alert]);
      });
      for (const _ of result.rejected) deps.onAlert?.('rejected');
      if (result.rejected.length > 0 || result.truncatedAlerts > 0) {
        log.warn(
          {
            received: result.received,
            truncatedAlerts: result.truncatedAlerts,
            rejected: result.rejected.slice(0, 20),
          },
          'alerts that are not here in full',
        );
      }
      if (byKey.size === 0 && result.rejected.length > 0) {
        const why = result.rejected
          .slice(0, 5)
          .map(({ index, reason }) => `alerts.${index}: ${reason}`);
        throw new AppError('BAD_REQUEST', `None of the alerts can be read. ${why.join('; ')}`);
      }
      // First what protects: whoever has to be told can be told a moment later.
      await deps.apply(authority, [...byKey.values()].flat());
      // What is sent again and says nothing new costs one query for all of it.
      const open = await incidents.marks([...byKey.keys()]);
      const work = [...byKey.values()];
      const settle = (outcome: Outcome) => {
        result.outcomes[outcome] += 1;
        deps.onAlert?.(outcome);
      };
      await Promise.all(
        Array.from({ length: CONCURRENCY }, async () => {
          for (let alerts = work.pop(); alerts; alerts = work.pop()) {
            const [only] = alerts;
            const known = only && open.get(only.key);
            if (alerts.length === 1 && only?.status === 'firing' && known === only.mark) {
              settle('unchanged');
              continue;
            }
            if (alerts.length === 1 && only?.status === 'resolved' && known === undefined) {
              settle('ignored');
              continue;
            }
            for (const alert of alerts) settle(await take(authority, alert, message));
          }
        }),
      );
      return result;
    },
  };
}
