'use client';

import { cx } from './cx.ts';

/** Parts of a page of which one is shown. */
export function Tabs<T extends string>(props: {
  tabs: readonly T[];
  words: Record<T, string>;
  tab: T;
  onTab(tab: T): void;
}) {
  return (
    <nav aria-label="Parts of this page" className="mb-4 flex flex-wrap gap-1 border-b">
      {props.tabs.map((tab) => (
        <button
          key={tab}
          type="button"
          aria-current={tab === props.tab ? 'page' : undefined}
          onClick={() => props.onTab(tab)}
          className={cx(
            'h-9 shrink-0 border-b-2 px-3 font-medium text-13',
            tab === props.tab
              ? 'border-accent-text text-text'
              : 'border-transparent text-muted hover:text-text',
          )}
        >
          {props.words[tab]}
        </button>
      ))}
    </nav>
  );
}
