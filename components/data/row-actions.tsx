'use client';

import { Ellipsis } from 'lucide-react';
import { type ComponentType, lazy, Suspense, useMemo, useState } from 'react';
import { Button } from '../ui/button.tsx';

/**
 * The button at the end of a row. The menu's code comes when the pointer or the focus is near; `load` gives a
 * component that opens at once and takes `props`.
 */
export function RowActions<P extends object>(props: {
  /** Names the row for those who cannot see it. */
  name: string;
  load: () => Promise<{ default: ComponentType<P> }>;
  menu: P;
  disabled?: boolean;
}) {
  const { name, load, menu, disabled = false } = props;
  const [wanted, setWanted] = useState(false);
  const Menu = useMemo(() => lazy(load), [load]);
  const near = () => {
    load().catch(() => undefined);
  };
  const button = (
    <Button
      look="ghost"
      size="icon"
      className="size-7"
      aria-label={`Actions for ${name}`}
      aria-haspopup="menu"
      disabled={disabled}
      onPointerEnter={near}
      onFocus={near}
      onClick={() => setWanted(true)}
    >
      <Ellipsis aria-hidden className="size-4" />
    </Button>
  );
  return wanted ? (
    <Suspense fallback={button}>
      <Menu {...menu} />
    </Suspense>
  ) : (
    button
  );
}
