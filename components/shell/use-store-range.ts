'use client';

import { parseAsInteger, parseAsString, useQueryStates } from 'nuqs';
import { useCallback, useMemo } from 'react';
import { durationMs, type Range } from '../metrics/range.ts';

const DEFAULT_RANGE = '1h';

/** The range of pages that ask the metric store: relative, or from a time to a time. Lives in the URL. */
export function useStoreRange(): { range: Range; setRange(range: Range): void } {
  const [{ range: relative, from, to }, set] = useQueryStates(
    { range: parseAsString, from: parseAsInteger, to: parseAsInteger },
    { history: 'push' },
  );
  const range = useMemo<Range>(
    () =>
      from !== null && to !== null && from < to
        ? { from, to }
        : { relative: relative && durationMs(relative) ? relative : DEFAULT_RANGE },
    [relative, from, to],
  );
  const setRange = useCallback(
    (next: Range) =>
      void set(
        'relative' in next
          ? { range: next.relative === DEFAULT_RANGE ? null : next.relative, from: null, to: null }
          : { from: Math.round(next.from), to: Math.round(next.to) },
      ),
    [set],
  );
  return { range, setRange };
}
