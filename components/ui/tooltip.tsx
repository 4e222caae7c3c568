'use client';

import { Tooltip as Radix } from 'radix-ui';
import type { ReactNode } from 'react';

/** Says in words what a control shows as an icon. The control keeps its own accessible name. */
export function Tooltip(props: { label: string; side?: 'right' | 'bottom'; children: ReactNode }) {
  return (
    <Radix.Provider delayDuration={400} skipDelayDuration={300}>
      <Radix.Root>
        <Radix.Trigger asChild>{props.children}</Radix.Trigger>
        <Radix.Portal>
          <Radix.Content
            side={props.side ?? 'bottom'}
            sideOffset={6}
            className="z-50 animate-fade rounded-control border border-line-strong bg-raised px-2 py-1 text-12 shadow-float"
          >
            {props.label}
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
    </Radix.Provider>
  );
}
