'use client';

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { LiveEvent } from '../../server/system/contract.ts';
import type { LivePoint } from './ring.ts';
import { initialSnapshot, type LiveSnapshot, live, type Topic } from './stream.ts';

function useLive<T extends string | number | null | undefined>(
  select: (snapshot: LiveSnapshot) => T,
): T {
  return useSyncExternalStore(
    live.subscribe,
    () => select(live.snapshot()),
    () => select(initialSnapshot),
  );
}

export function useLiveStatus() {
  const state = useLive((snapshot) => snapshot.state);
  const since = useLive((snapshot) => snapshot.since);
  return { state, since };
}

/** The newest value; undefined until a frame with it came. */
export function useLiveMetric(name: string): number | undefined {
  return useLive((snapshot) => snapshot.metrics[name]);
}

export function useOutages() {
  const database = useLive((snapshot) => snapshot.databaseDownSince);
  const redis = useLive((snapshot) => snapshot.redisDownSince);
  return { database, redis };
}

export function useLiveTopics(topics: readonly Topic[]): void {
  const key = topics.join(',');
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is the content of `topics`
  useEffect(() => live.want(topics), [key]);
}

export function useLiveEvents(handle: (events: readonly LiveEvent[]) => void): void {
  const latest = useRef(handle);
  useEffect(() => {
    latest.current = handle;
  });
  useEffect(() => live.onEvents((events) => latest.current(events)), []);
}

/** Points of the last `rangeMs`, renewed once a second: charts need no more. */
export function useLivePoints(rangeMs: number): readonly LivePoint[] {
  const [points, setPoints] = useState<readonly LivePoint[]>([]);
  useEffect(() => {
    let shown: readonly LivePoint[] | null = null;
    const refresh = () => {
      const { points: all } = live.snapshot();
      if (all === shown) return;
      shown = all;
      const end = all.at(-1)?.at ?? 0;
      setPoints(all.filter(({ at }) => at >= end - rangeMs));
    };
    refresh();
    const timer = setInterval(refresh, 1_000);
    return () => clearInterval(timer);
  }, [rangeMs]);
  return points;
}
