'use client';

import { Ellipsis } from 'lucide-react';
import { Button } from '../../../../components/ui/button.tsx';
import { Menu, MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { RowActionsProps } from './row-actions.tsx';

export default function RowMenu({ user, act }: RowActionsProps) {
  return (
    <Menu
      defaultOpen
      trigger={
        <Button look="ghost" size="icon" className="size-7" aria-label={`Actions for ${user.name}`}>
          <Ellipsis aria-hidden className="size-4" />
        </Button>
      }
    >
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
    </Menu>
  );
}
