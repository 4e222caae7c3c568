'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { DatabaseItem } from '../../../../server/queries/contract.ts';

export type DatabaseAction = 'edit' | 'test' | 'pause' | 'resume' | 'remove';
export type RowMenuProps = {
  database: DatabaseItem;
  admin: boolean;
  act(action: DatabaseAction, database: DatabaseItem): void;
};

export default function RowMenu({ database, admin, act }: RowMenuProps) {
  return (
    <Actions name={database.name}>
      <MenuItem onSelect={() => act('test', database)}>Test connection</MenuItem>
      {admin ? (
        <>
          <MenuItem onSelect={() => act('edit', database)}>Edit</MenuItem>
          <MenuSeparator />
          {database.paused ? (
            <MenuItem onSelect={() => act('resume', database)}>Resume</MenuItem>
          ) : (
            <MenuItem onSelect={() => act('pause', database)}>Pause</MenuItem>
          )}
          {database.kind === 'own' ? null : (
            <MenuItem danger onSelect={() => act('remove', database)}>
              Remove
            </MenuItem>
          )}
        </>
      ) : null}
    </Actions>
  );
}
