import type { MonitorItem } from '../../server/drift/contract.ts';
import { verdictStatus } from './words.ts';

const CELLS = 40;
const looks = {
  quiet: { fill: 'var(--color-ok)', height: 8 },
  drifted: { fill: 'var(--color-bad)', height: 16 },
  not_testable: { fill: 'var(--color-line-strong)', height: 4 },
  failed: { fill: 'var(--color-warn)', height: 12 },
} as const;

/** The last runs of a monitor; height tells them apart without colour. */
export function RunStrip({ strip }: { strip: MonitorItem['strip'] }) {
  const counts = Map.groupBy(strip, ({ verdict }) => verdict);
  const label =
    strip.length === 0
      ? 'No runs yet'
      : `Last ${strip.length} runs: ${[...counts]
          .map(([verdict, runs]) => `${runs.length} ${verdictStatus[verdict].word.toLowerCase()}`)
          .join(', ')}`;
  return (
    <svg
      viewBox={`0 0 ${CELLS * 4} 16`}
      width={CELLS * 4}
      height={16}
      role="img"
      aria-label={label}
      className="max-w-full shrink-0"
    >
      <title>{label}</title>
      {strip.map(({ at, verdict }, place) => {
        const { fill, height } = looks[verdict];
        return (
          <rect
            key={at}
            x={(CELLS - strip.length + place) * 4}
            y={16 - height}
            width={3}
            height={height}
            rx={0.5}
            fill={fill}
          />
        );
      })}
    </svg>
  );
}
