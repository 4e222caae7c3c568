'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { RowActionsProps } from './row-actions.tsx';

export default function RowMenu({ user, act }: RowActionsProps) {
  return (
    <Actions name={user.name}>
      <MenuItem onSelect={() => act('role', user)}>Change role</MenuItem>
      {user.status === 'invited' ? (
        <>
          <MenuItem onSelect={() => act('reinvite', user)}>Make a new link</MenuItem>
          <MenuSeparator />
          <MenuItem danger onSelect={() => act('remove', user)}>
            Remove invitation
          </MenuItem>
        </>
      ) : (
        <>
          <MenuSeparator />
          {user.status === 'disabled' ? (
            <MenuItem onSelect={() => act('enable', user)}>Enable account</MenuItem>
          ) : (
            <MenuItem danger onSelect={() => act('disable', user)}>
              Disable account
            </MenuItem>
          )}
        </>
      )}
    </Actions>
  );
}
