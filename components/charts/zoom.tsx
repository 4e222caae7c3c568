'use client';

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';

type Span = { from: number; to: number };
type Zoom = { span: Span | null; setSpan(span: Span | null): void };
const ZoomContext = createContext<Zoom>({ span: null, setSpan: () => undefined });

/** Charts of a page zoom together. Escape goes back. */
export function ZoomProvider({ children }: { children: ReactNode }) {
  const [span, setSpan] = useState<Span | null>(null);
  useEffect(() => {
    if (!span) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented) setSpan(null);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [span]);
  const value = useMemo(() => ({ span, setSpan }), [span]);
  return <ZoomContext value={value}>{children}</ZoomContext>;
}

/** For pages whose range of time is asked for anew: a stretch that is dragged over becomes the range. */
export function ZoomTo(props: { onSpan(span: Span): void; children: ReactNode }) {
  const { onSpan } = props;
  const value = useMemo<Zoom>(
    () => ({
      span: null,
      setSpan: (span) => {
        if (span) onSpan(span);
      },
    }),
    [onSpan],
  );
  return <ZoomContext value={value}>{props.children}</ZoomContext>;
}

export const useZoom = () => useContext(ZoomContext);
