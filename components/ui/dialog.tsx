'use client';

import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { cx } from './cx.ts';

type DialogProps = {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
  /** `sheet` slides in from the right and is as high as the window. */
  as?: 'dialog' | 'sheet' | 'sheet-left';
  /** Closing needs a decision, e.g. while a secret is shown once. */
  sticky?: boolean;
};

const places = {
  dialog:
    'left-1/2 top-[12vh] max-h-[80vh] w-[min(480px,calc(100vw-32px))] -translate-x-1/2 rounded-card border animate-fade',
  sheet: 'inset-y-0 right-0 w-[min(560px,100vw)] border-l animate-slide',
  'sheet-left': 'inset-y-0 left-0 w-[min(280px,85vw)] border-r animate-slide-left',
} as const;

/** Traps focus, gives it back, closes with Escape. */
export function Dialog(props: DialogProps) {
  const { open, onOpenChange, title, description, children, as = 'dialog', sticky } = props;
  const stay = (event: Event) => {
    if (sticky) event.preventDefault();
  };
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Radix.Content
          {...(description ? {} : { 'aria-describedby': undefined })}
          onEscapeKeyDown={stay}
          onPointerDownOutside={stay}
          className={cx(
            'fixed z-50 flex flex-col overflow-hidden bg-surface shadow-float focus:outline-none',
            places[as],
          )}
        >
          <header className="flex items-start gap-4 border-b px-5 py-4">
            <div className="min-w-0 flex-1">
              <Radix.Title className="font-semibold text-16">{title}</Radix.Title>
              {description ? (
                <Radix.Description className="mt-1 text-13 text-muted">
                  {description}
                </Radix.Description>
              ) : null}
            </div>
            {sticky ? null : (
              <Radix.Close asChild>
                <Button look="ghost" size="icon" aria-label="Close" className="-mt-1 -mr-2">
                  <X aria-hidden className="size-4" />
                </Button>
              </Radix.Close>
            )}
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto px-5 py-4">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
