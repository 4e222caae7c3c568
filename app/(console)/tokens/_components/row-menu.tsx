'use client';

import { RowMenu as Actions } from '../../../../components/data/row-menu.tsx';
import { MenuItem } from '../../../../components/ui/menu.tsx';
import type { IssuedItem } from '../../../../server/tokens/contract.ts';
import type { Target } from './revoke-dialog.tsx';

export type TokenMenuProps = { token: IssuedItem; revoke(target: Target): void };

export default function RowMenu({ token, revoke }: TokenMenuProps) {
  const { jti, subject } = token;
  return (
    <Actions name={subject}>
      <MenuItem
        danger
        disabled={token.state !== 'active'}
        onSelect={() => revoke({ kind: 'token', jti, subject })}
      >
        Revoke this token
      </MenuItem>
      <MenuItem danger onSelect={() => revoke({ kind: 'subject', subject })}>
        Revoke all of this subject
      </MenuItem>
    </Actions>
  );
}
