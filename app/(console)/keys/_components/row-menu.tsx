'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { KeyItem } from '../../../../server/keys/contract.ts';
import type { Act } from './key-columns.tsx';

export default function RowMenu({ item, act }: { item: KeyItem; act: Act }) {
  return (
    <Actions name={item.name}>
      <MenuItem onSelect={() => act('rotate', item)}>Rotate</MenuItem>
      <MenuItem onSelect={() => act('edit', item)}>Edit</MenuItem>
      <MenuSeparator />
      <MenuItem danger onSelect={() => act('revoke', item)}>
        Revoke
      </MenuItem>
    </Actions>
  );
}
