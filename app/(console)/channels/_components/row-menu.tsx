'use client';

import { Ellipsis } from 'lucide-react';
import { Button } from '../../../../components/ui/button.tsx';
import { Menu, MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { RowActionsProps } from './row-actions.tsx';

export default function RowMenu({ channel, act }: RowActionsProps) {
  return (
    <Menu
      defaultOpen
      trigger={
        <Button
          look="ghost"
          size="icon"
          className="size-7"
          aria-label={`Actions for ${channel.name}`}
        >
          <Ellipsis aria-hidden className="size-4" />
        </Button>
      }
    >
      <MenuItem onSelect={() => act('edit', channel)}>Edit</MenuItem>
      <MenuItem onSelect={() => act('test', channel)}>Send a test</MenuItem>
      <MenuSeparator />
      {channel.enabled ? (
        <MenuItem onSelect={() => act('disable', channel)}>Disable</MenuItem>
      ) : (
        <MenuItem onSelect={() => act('enable', channel)}>Enable</MenuItem>
      )}
      <MenuItem danger onSelect={() => act('remove', channel)}>
        Remove
      </MenuItem>
    </Menu>
  );
}
