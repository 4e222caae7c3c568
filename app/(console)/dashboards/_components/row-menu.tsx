'use client';

import { Ellipsis } from 'lucide-react';
import { Button } from '../../../../components/ui/button.tsx';
import { Menu, MenuItem } from '../../../../components/ui/menu.tsx';
import type { DashboardItem } from '../../../../server/dashboards/contract.ts';

export type DashboardAction = 'rename' | 'remove';
export type RowMenuProps = {
  dashboard: DashboardItem;
  act(action: DashboardAction, dashboard: DashboardItem): void;
};

export default function RowMenu({ dashboard, act }: RowMenuProps) {
  return (
    <Menu
      defaultOpen
      trigger={
        <Button
          look="ghost"
          size="icon"
          className="size-7"
          aria-label={`Actions for ${dashboard.name}`}
        >
          <Ellipsis aria-hidden className="size-4" />
        </Button>
      }
    >
      <MenuItem onSelect={() => act('rename', dashboard)}>Rename</MenuItem>
      <MenuItem danger disabled={dashboard.builtIn} onSelect={() => act('remove', dashboard)}>
        {dashboard.builtIn ? 'Shipped, cannot be deleted' : 'Delete'}
      </MenuItem>
    </Menu>
  );
}
