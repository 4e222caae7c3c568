'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem, MenuSeparator } from '../../../../components/ui/menu.tsx';
import type { BreakerItem } from '../../../../server/breakers/contract.ts';
import type { Act } from './columns.tsx';

export default function RowMenu({ breaker, act }: { breaker: BreakerItem; act: Act }) {
  const { state } = breaker;
  return (
    <Actions name={breaker.name}>
      {state === 'forced_open' ? null : (
        <MenuItem onSelect={() => act('open', breaker)}>Hold open</MenuItem>
      )}
      {state === 'forced_closed' ? null : (
        <MenuItem onSelect={() => act('closed', breaker)}>Hold closed</MenuItem>
      )}
      {breaker.hold ? (
        <MenuItem onSelect={() => act('auto', breaker)}>Hand back</MenuItem>
      ) : (
        <MenuItem onSelect={() => act('trip', breaker)}>Trip once</MenuItem>
      )}
      <MenuItem onSelect={() => act('reset', breaker)}>Reset</MenuItem>
      <MenuSeparator />
      <MenuItem onSelect={() => act('edit', breaker)}>Edit policy</MenuItem>
      {breaker.builtIn ? null : (
        <MenuItem danger onSelect={() => act('remove', breaker)}>
          Remove
        </MenuItem>
      )}
    </Actions>
  );
}
