'use client';

import { Dialog } from '../ui/dialog.tsx';
import { NavList } from './sidebar.tsx';

/** The sidebar of narrow windows. */
export function NavSheet({ onClose }: { onClose(): void }) {
  return (
    <Dialog open as="sheet-left" title="Wheelhouse" onOpenChange={onClose}>
      <NavList onNavigate={onClose} />
    </Dialog>
  );
}
