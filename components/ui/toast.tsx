'use client';

import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { Button } from './button.tsx';

type Toast = {
  id: number;
  tone: 'ok' | 'bad';
  text: string;
  action?: { label: string; run(): void };
};

const SHOW_MS = 6_000;
const MAX_SHOWN = 3;
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}
function dismiss(id: number) {
  set(toasts.filter((toast) => toast.id !== id));
}

/** Tells what happened, for six seconds; `action` is the way to take it back. */
export function toast(tone: Toast['tone'], text: string, action?: Toast['action']): void {
  const id = nextId++;
  set([...toasts.slice(1 - MAX_SHOWN), { id, tone, text, ...(action ? { action } : {}) }]);
  setTimeout(() => dismiss(id), SHOW_MS);
}

const none: readonly Toast[] = [];

export function Toaster() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
    () => none,
  );
  return (
    <section
      aria-label="Notifications"
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 z-50 grid w-[min(380px,calc(100vw-32px))] gap-2"
    >
      {shown.map(({ id, tone, text, action }) => (
        <div
          key={id}
          className="pointer-events-auto flex animate-appear items-center gap-2.5 rounded-card border border-line-strong bg-surface py-2 pr-2 pl-3 text-13 shadow-float"
        >
          {tone === 'ok' ? (
            <CircleCheck aria-hidden className="size-4 shrink-0 text-ok-text" />
          ) : (
            <CircleAlert aria-hidden className="size-4 shrink-0 text-bad-text" />
          )}
          <span className="min-w-0 flex-1 break-words">{text}</span>
          {action ? (
            <Button
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </Button>
          ) : null}
          <Button look="ghost" size="icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <X aria-hidden className="size-4" />
          </Button>
        </div>
      ))}
    </section>
  );
}
