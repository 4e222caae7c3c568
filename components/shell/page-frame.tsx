'use client';

import { type ReactNode, useSyncExternalStore } from 'react';

const never = () => () => undefined;

/**
 * What is prerendered of a page is its skeleton. The page itself is drawn by the browser alone: its data may arrive
 * before React has taken over this part of the document, and both must agree on what is there.
 */
export function PageFrame({ skeleton, children }: { skeleton: ReactNode; children: ReactNode }) {
  const inBrowser = useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
  return inBrowser ? children : skeleton;
}
