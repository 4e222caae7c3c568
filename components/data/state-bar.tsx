import type { CSSProperties } from 'react';

const colours: Record<string, string> = {
  h: 'var(--color-ok)',
  d: 'var(--color-warn)',
  x: 'var(--color-bad)',
  m: 'var(--color-maintenance)',
  u: 'var(--color-line)',
};
const words: Record<string, string> = {
  h: 'healthy',
  d: 'degraded',
  x: 'down',
  m: 'in maintenance',
  u: 'unknown',
};

/** 24 h in half hours, the worst state of each. Height tells down from the rest without colour. */
export function StateBar({ bar }: { bar: string | undefined }) {
  const cells = bar ?? '';
  const seen = [...new Set(cells)].filter((letter) => letter !== 'h' && letter !== 'u');
  const label =
    cells === ''
      ? 'Loading'
      : seen.length === 0
        ? 'Last 24 hours: no trouble'
        : `Last 24 hours: ${seen.map((letter) => words[letter]).join(', ')}`;
  const style: CSSProperties = { width: 144, height: 16 };
  return (
    <svg viewBox="0 0 144 16" style={style} role="img" aria-label={label} className="shrink-0">
      <title>{label}</title>
      {[...cells].map((letter, index) => {
        const tall = letter === 'x' || letter === 'd';
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
            key={index}
            x={index * 3}
            y={tall ? 1 : 4}
            width={2}
            height={tall ? 14 : letter === 'u' ? 6 : 10}
            rx={0.5}
            fill={colours[letter] ?? colours.u}
          />
        );
      })}
    </svg>
  );
}
