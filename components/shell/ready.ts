'use client';

import { useEffect } from 'react';
import { openNav, openPalette } from './overlays.ts';

/**
 * Marks the document once buttons and keys work, and opens what was asked for before: `public/theme.js` keeps it in
 * `data-wanted`. Called after the other hooks of the shell, so that their listeners are there.
 */
export function useReady(): void {
  useEffect(() => {
    const { dataset } = document.documentElement;
    dataset.ready = '';
    if (dataset.wanted === 'palette') openPalette();
    if (dataset.wanted === 'nav') openNav();
    delete dataset.wanted;
  }, []);
}
