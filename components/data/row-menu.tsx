'use client';

import { Ellipsis } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button } from '../ui/button.tsx';
import { Menu } from '../ui/menu.tsx';

/** The menu of a row, open from the start: `RowActions` loads it when it is asked for. */
export function RowMenu({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Menu
      defaultOpen
      trigger={
        <Button look="ghost" size="icon" className="size-7" aria-label={`Actions for ${name}`}>
          <Ellipsis aria-hidden className="size-4" />
        </Button>
      }
    >
      {children}
    </Menu>
  );
}
