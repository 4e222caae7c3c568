'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { useAllowed } from '../../../../components/shell/use-me.ts';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { RowActionsProps } from './row-actions.tsx';

export default function RowMenu({ process, act }: RowActionsProps) {
  const admin = useAllowed('admin') ?? false;
  return (
    <Actions name={`${process.name} on ${process.instance}`}>
      <MenuItem onSelect={() => act('profile', process)}>Watch allocations</MenuItem>
      {admin ? (
        <>
          <MenuSeparator />
          <MenuItem onSelect={() => act('snapshot', process)}>Take a heap snapshot</MenuItem>
          {process.kind === 'console' ? (
            <MenuItem danger onSelect={() => act('restart', process)}>
              Restart
            </MenuItem>
          ) : null}
        </>
      ) : null}
    </Actions>
  );
}
