'use client';

import { useEffect, useState } from 'react';

type RowKeys = {
  count: number;
  open(index: number): void;
  toggle(index: number): void;
  reveal(index: number): void;
};

/** j and k move a cursor over the rows, Enter opens, x selects. Off while typing or in a dialog. */
export function useRowKeys({ count, open, toggle, reveal }: RowKeys): number {
  const [cursor, setCursor] = useState(-1);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
      const { target } = event;
      const inControl =
        target instanceof Element &&
        target.closest(
          'input:not([type="checkbox"]), textarea, select, [role="dialog"], [role="menu"]',
        );
      if (inControl || document.querySelector('[role="dialog"]')) return;
      const onButton = target instanceof Element && target.closest('button, a');
      if (event.key === 'j' || event.key === 'k') {
        const next = Math.min(Math.max(cursor + (event.key === 'j' ? 1 : -1), 0), count - 1);
        setCursor(next);
        reveal(next);
      } else if (event.key === 'Enter' && cursor >= 0 && !onButton) open(cursor);
      else if (event.key === 'x' && cursor >= 0) toggle(cursor);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [cursor, count, open, toggle, reveal]);
  return Math.min(cursor, count - 1);
}
