'use client';

import { Ellipsis } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Button } from '../../../../components/ui/button.tsx';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import type { ChannelAction } from './channel-columns.tsx';

const loadMenu = () => import('./row-menu.tsx');
const RowMenu = lazy(loadMenu);

export type RowActionsProps = {
  channel: ChannelItem;
  act(action: ChannelAction, channel: ChannelItem): void;
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
      aria-label={`Actions for ${props.channel.name}`}
      aria-haspopup="menu"
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
