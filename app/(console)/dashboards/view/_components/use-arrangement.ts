'use client';

import { useCallback, useState } from 'react';
import type { DashboardDetail, Panel } from '../../../../../server/dashboards/contract.ts';

const MAX_UNDO = 100;

/** Panels while they are arranged: nothing is stored before it is saved, and every step can be taken back. */
export function useArrangement(stored: DashboardDetail | undefined) {
  const [base, setBase] = useState<DashboardDetail | null>(null);
  const [steps, setSteps] = useState<readonly (readonly Panel[])[]>([]);
  const panels = steps.at(-1) ?? base?.panels ?? stored?.panels ?? [];
  const begin = useCallback((from: DashboardDetail) => {
    setBase(from);
    setSteps([]);
  }, []);
  const push = useCallback(
    (next: readonly Panel[]) => setSteps((past) => [...past.slice(-MAX_UNDO), next]),
    [],
  );
  const undo = useCallback(() => setSteps((past) => past.slice(0, -1)), []);
  const end = useCallback(() => {
    setBase(null);
    setSteps([]);
  }, []);
  return {
    /** What is being edited; null while it is only looked at. */
    base,
    panels,
    dirty: steps.length > 0,
    begin,
    push,
    undo,
    end,
  };
}
export type Arrangement = ReturnType<typeof useArrangement>;
