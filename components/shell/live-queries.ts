'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useLiveEvents, useLiveTopics } from '../live/hooks.ts';
import { trpc } from '../trpc/client.ts';

/** What each topic's events make old. */
const affected: Record<string, readonly { pathKey(): readonly unknown[] }[]> = {
  audit: [trpc.audit.list, trpc.audit.actions, trpc.system.overview],
  users: [trpc.users.list, trpc.users.me],
  sessions: [trpc.sessions.list, trpc.users.me],
  health: [trpc.health.counts, trpc.health.control, trpc.health.maintenance],
  incidents: [trpc.incidents],
  notify: [trpc.notify.deliveries, trpc.notify.channels.list],
  gamedays: [trpc.gamedays],
  dashboards: [trpc.dashboards],
  memory: [trpc.memory],
  breakers: [trpc.breakers],
  keys: [trpc.keys],
  tokens: [trpc.tokens],
  queries: [trpc.queries.databases.list, trpc.queries.databases.get, trpc.queries.advice],
  models: [trpc.models.list, trpc.models.get],
  drift: [
    trpc.drift.monitors,
    trpc.drift.references,
    trpc.drift.uploads,
    trpc.drift.runs,
    trpc.drift.heatmap,
  ],
  forecasts: [trpc.forecasts.list, trpc.forecasts.counts, trpc.forecasts.get],
  capacity: [trpc.capacity],
  policies: [trpc.policies.list, trpc.policies.status, trpc.policies.matrix],
  metrics: [trpc.metrics.saved.list, trpc.metrics.describe],
  system: [trpc.system.overview, trpc.system.info, trpc.system.settings],
};

/** Frames tell what changed; matching queries on screen are asked again, and no others. */
export function useLiveQueries(): void {
  const client = useQueryClient();
  useLiveTopics([
    'database',
    'redis',
    'audit',
    'users',
    'sessions',
    'system',
    'health',
    'incidents',
    'notify',
    'gamedays',
    'dashboards',
    'metrics',
    'memory',
    'breakers',
    'policies',
    'tokens',
    'keys',
    'queries',
    'forecasts',
    'capacity',
    'models',
    'drift',
  ]);
  useLiveEvents((events) => {
    for (const { topic, type } of events) {
      if (topic === 'database' && type === 'recovered') {
        void client.invalidateQueries();
        continue;
      }
      for (const { pathKey } of affected[topic] ?? []) {
        void client.invalidateQueries({ queryKey: pathKey() });
      }
    }
  });
}
