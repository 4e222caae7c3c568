'use client';

import dynamic from 'next/dynamic';
import { useSyncExternalStore } from 'react';
import { overlay, setOverlay, subscribeOverlay } from './overlays.ts';

// Loaded when first opened.
const Palette = dynamic(() => import('./palette.tsx').then((m) => m.Palette), { ssr: false });
const HelpSheet = dynamic(() => import('./help-sheet.tsx').then((m) => m.HelpSheet), {
  ssr: false,
});
const NavSheet = dynamic(() => import('./nav-sheet.tsx').then((m) => m.NavSheet), { ssr: false });

const close = () => setOverlay(null);

export function OverlayHost() {
  const open = useSyncExternalStore(subscribeOverlay, overlay, () => null);
  if (open === 'palette') return <Palette onClose={close} />;
  if (open === 'help') return <HelpSheet onClose={close} />;
  if (open === 'nav') return <NavSheet onClose={close} />;
  return null;
}
