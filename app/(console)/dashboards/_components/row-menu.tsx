'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem } from '../../../../components/ui/menu.tsx';
import type { DashboardItem } from '../../../../server/dashboards/contract.ts';

export type DashboardAction = 'rename' | 'remove';
export type RowMenuProps = {
  dashboard: DashboardItem;
  act(action: DashboardAction, dashboard: DashboardItem): void;
};

export default function RowMenu({ dashboard, act }: RowMenuProps) {
  return (
    <Actions name={dashboard.name}>
      <MenuItem onSelect={() => act('rename', dashboard)}>Rename</MenuItem>
      <MenuItem danger disabled={dashboard.builtIn} onSelect={() => act('remove', dashboard)}>
        {dashboard.builtIn ? 'Shipped, cannot be deleted' : 'Delete'}
      </MenuItem>
    </Actions>
  );
}
