'use client';

import { Ellipsis } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Button } from '../../../../components/ui/button.tsx';
import type { UserItem } from '../../../../server/users/contract.ts';
import type { UserAction } from './columns.tsx';

const loadMenu = () => import('./row-menu.tsx');
const RowMenu = lazy(loadMenu);

export type RowActionsProps = {
  user: UserItem;
  /** One's own account can neither be disabled nor lose its role. */
  self: boolean;
  act(action: UserAction, user: UserItem): void;
};

export function RowActions(props: RowActionsProps) {
  const [wanted, setWanted] = useState(false);
  const near = () => {
    loadMenu().catch(() => undefined);
  };
  const button = (
    <Button
      look="ghost"
      size="icon"
      className="size-7"
      aria-label={`Actions for ${props.user.name}`}
      aria-haspopup="menu"
      disabled={props.self}
      onPointerEnter={near}
      onFocus={near}
      onClick={() => setWanted(true)}
    >
      <Ellipsis aria-hidden className="size-4" />
    </Button>
  );
  return wanted ? (
    <Suspense fallback={button}>
      <RowMenu {...props} />
    </Suspense>
  ) : (
    button
  );
}
