'use client';

/**
 * Bars and sparklines of the rows on screen, and of no others: a cell that appears asks for its target, cells that
 * appear together ask together, and what is on screen is asked for again every 15 s.
 */
import { useEffect, useSyncExternalStore } from 'react';
import { api } from '../../../../components/trpc/client.ts';
import type { TargetItem, TargetTrend } from '../../../../server/health/contract.ts';

const GATHER_MS = 60;
const REFRESH_MS = 15_000;
const AT_ONCE = 100;

const known = new Map<string, TargetTrend>();
const wanted = new Map<string, number>();
const listeners = new Set<() => void>();
const patchers = new Set<(items: readonly TargetItem[]) => void>();
let gathering: ReturnType<typeof setTimeout> | undefined;
let refreshing: ReturnType<typeof setInterval> | undefined;

async function fetchAll(ids: readonly string[]): Promise<void> {
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const part = ids.slice(i, i + AT_ONCE);
    try {
      const [trends, rows] = await Promise.all([
        api.health.targets.trends.query({ ids: part }),
        api.health.targets.byIds.query({ ids: part }),
      ]);
      for (const trend of trends.items) known.set(trend.id, trend);
      for (const patch of patchers) patch(rows.items);
      for (const listener of listeners) listener();
    } catch {
      // Shown as before; asked again with the next round.
    }
  }
}

function want(id: string): () => void {
  wanted.set(id, (wanted.get(id) ?? 0) + 1);
  if (!known.has(id) && !gathering) {
    gathering = setTimeout(() => {
      gathering = undefined;
      void fetchAll([...wanted.keys()].filter((each) => !known.has(each)));
    }, GATHER_MS);
  }
  refreshing ??= setInterval(() => {
    if (document.visibilityState === 'visible') void fetchAll([...wanted.keys()]);
  }, REFRESH_MS);
  return () => {
    const left = (wanted.get(id) ?? 1) - 1;
    if (left > 0) wanted.set(id, left);
    else wanted.delete(id);
    if (wanted.size > 0) return;
    clearInterval(refreshing);
    refreshing = undefined;
  };
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function useTrend(id: string): TargetTrend | undefined {
  useEffect(() => want(id), [id]);
  return useSyncExternalStore(
    subscribe,
    () => known.get(id),
    () => undefined,
  );
}

/** Told of rows that were read again. */
export function onRows(patch: (items: readonly TargetItem[]) => void): () => void {
  patchers.add(patch);
  return () => patchers.delete(patch);
}
