'use client';

import { type ComponentType, lazy, type ReactNode, Suspense, useMemo, useState } from 'react';
import { Button } from '../ui/button.tsx';

type LazyMenuProps = {
  label: string;
  icon: ReactNode;
  /** The menu with its own trigger, opened as it mounts. */
  load(): Promise<{ default: ComponentType }>;
};

/** A button whose menu is fetched when a pointer or the focus comes near, and opened with a press. */
export function LazyMenu({ label, icon, load }: LazyMenuProps) {
  const [wanted, setWanted] = useState(false);
  const Loaded = useMemo(() => lazy(load), [load]);
  const near = () => {
    load().catch(() => undefined);
  };
  const button = (
    <Button
      look="ghost"
      size="icon"
      aria-label={label}
      title={label}
      aria-haspopup="menu"
      aria-expanded={false}
      onPointerEnter={near}
      onFocus={near}
      onClick={() => setWanted(true)}
    >
      {icon}
    </Button>
  );
  return wanted ? (
    <Suspense fallback={button}>
      <Loaded />
    </Suspense>
  ) : (
    button
  );
}
