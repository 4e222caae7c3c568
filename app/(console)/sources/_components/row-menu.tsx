'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { SourceItem } from '../../../../server/sources/contract.ts';

export type SourceAction = 'edit' | 'test' | 'pause' | 'resume' | 'remove';
export type RowMenuProps = {
  source: SourceItem;
  act(action: SourceAction, source: SourceItem): void;
};

export default function RowMenu({ source, act }: RowMenuProps) {
  return (
    <Actions name={source.name}>
      <MenuItem onSelect={() => act('edit', source)}>Edit</MenuItem>
      <MenuItem onSelect={() => act('test', source)}>Test</MenuItem>
      <MenuSeparator />
      {source.paused ? (
        <MenuItem onSelect={() => act('resume', source)}>Resume</MenuItem>
      ) : (
        <MenuItem onSelect={() => act('pause', source)}>Pause</MenuItem>
      )}
      <MenuItem danger onSelect={() => act('remove', source)}>
        Remove
      </MenuItem>
    </Actions>
  );
}
