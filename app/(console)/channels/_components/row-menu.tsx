'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { RowActionsProps } from './row-actions.tsx';

export default function RowMenu({ channel, act }: RowActionsProps) {
  return (
    <Actions name={channel.name}>
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
    </Actions>
  );
}
