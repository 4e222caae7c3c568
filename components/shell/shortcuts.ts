'use client';

import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { live } from '../live/stream.ts';
import { account, nav } from './nav.ts';
import { openHelp, openPalette, overlay } from './overlays.ts';

const SEQUENCE_MS = 1_200;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function focusFilter(): boolean {
  const filter = document.querySelector<HTMLElement>('[data-filter]');
  filter?.focus();
  return filter !== null;
}

/** Keys that work on every page; those of tables and charts are with them. */
export function useShortcuts(): void {
  const router = useRouter();
  useEffect(() => {
    let goUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        openPalette();
        return;
      }
      const held = event.metaKey || event.ctrlKey || event.altKey;
      if (held || event.defaultPrevented || isTyping(event.target) || overlay()) return;
      if (document.querySelector('[role="dialog"], [role="menu"]')) return;
      if (performance.now() < goUntil) {
        goUntil = 0;
        const page = [...nav, account].find(({ key }) => key === event.key);
        if (page) router.push(page.href);
        return;
      }
      if (event.key === 'g') goUntil = performance.now() + SEQUENCE_MS;
      else if (event.key === '?') openHelp();
      else if (event.key === 'p') live.setPaused(live.snapshot().state !== 'paused');
      else if (event.key === '/' && focusFilter()) event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [router]);
}
