'use client';

import { useSyncExternalStore } from 'react';

const never = () => () => undefined;

/** A parameter of the address; null when it is not there, undefined in prerendered HTML. */
export function useQueryParam(name: string): string | null | undefined {
  return useSyncExternalStore(
    never,
    () => new URLSearchParams(location.search).get(name),
    () => undefined,
  );
}
