'use client';

import dynamic from 'next/dynamic';
import { useState } from 'react';
import { formatSpanOf } from '../format/time.ts';
import { relativeRanges } from '../metrics/range.ts';
import { useStoreRange } from './use-store-range.ts';

const RangeDialog = dynamic(() => import('./range-dialog.tsx'), { ssr: false });

const words: Readonly<Record<string, string>> = {
  '15m': '15 minutes',
  '1h': '1 hour',
  '6h': '6 hours',
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days',
};
const FIXED = 'fixed';
const CUSTOM = 'custom';

/** The range of time of pages on the metric store. */
export function StoreRange() {
  const { range, setRange } = useStoreRange();
  const [asking, setAsking] = useState(false);
  const value = 'relative' in range ? range.relative : FIXED;
  const known = relativeRanges.some((each) => each === value);
  return (
    <>
      <select
        aria-label="Range of time"
        value={value}
        onChange={({ target }) => {
          if (target.value === CUSTOM) setAsking(true);
          else if (target.value !== FIXED) setRange({ relative: target.value });
        }}
        className="h-8 w-24 rounded-control border border-line-strong bg-surface px-2 text-13 tabular-nums focus-visible:outline-offset-0 sm:w-32 lg:w-44"
      >
        {'relative' in range ? null : (
          <option value={FIXED}>{formatSpanOf(range.from, range.to)}</option>
        )}
        {relativeRanges.map((each) => (
          <option key={each} value={each}>
            {words[each]}
          </option>
        ))}
        {known || value === FIXED ? null : <option value={value}>{value}</option>}
        <option value={CUSTOM}>From … to …</option>
      </select>
      {asking ? (
        <RangeDialog range={range} onRange={setRange} onClose={() => setAsking(false)} />
      ) : null}
    </>
  );
}
