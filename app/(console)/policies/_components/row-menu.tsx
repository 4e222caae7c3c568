'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { RuleItem } from '../../../../server/policies/contract.ts';
import type { Act } from './rule-columns.tsx';

export default function RowMenu({ rule, act }: { rule: RuleItem; act: Act }) {
  return (
    <Actions name={rule.name}>
      <MenuItem onSelect={() => act('edit', rule)}>Edit</MenuItem>
      {rule.enabled ? (
        <MenuItem onSelect={() => act('disable', rule)}>Switch off</MenuItem>
      ) : (
        <MenuItem onSelect={() => act('enable', rule)}>Switch on</MenuItem>
      )}
      <MenuSeparator />
      <MenuItem danger onSelect={() => act('remove', rule)}>
        Remove
      </MenuItem>
    </Actions>
  );
}
