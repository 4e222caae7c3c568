'use client';

import { CircleUser, Keyboard, LogOut, UserCog } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { Button } from '../ui/button.tsx';
import { Menu, MenuItem, MenuSeparator } from '../ui/menu.tsx';
import { leave } from './leave.ts';
import { account } from './nav.ts';
import { openHelp } from './overlays.ts';
import { useMe } from './use-me.ts';

export default function AccountMenu() {
  const me = useMe();
  const router = useRouter();
  return (
    <Menu
      defaultOpen
      trigger={
        <Button look="ghost" size="icon" aria-label="Account" title="Account">
          <CircleUser aria-hidden className="size-4" />
        </Button>
      }
    >
      <div className="max-w-64 px-2 pt-1.5 pb-2">
        <div className="truncate font-medium text-13">{me?.name ?? 'Signed in'}</div>
        <div className="truncate text-12 text-muted">
          {me ? `${me.email ?? ''} · ${me.role}` : ''}
        </div>
      </div>
      <MenuSeparator />
      <MenuItem onSelect={() => router.push(account.href)}>
        <UserCog aria-hidden className="size-4" />
        {account.label}
      </MenuItem>
      <MenuItem onSelect={openHelp}>
        <Keyboard aria-hidden className="size-4" />
        Keyboard shortcuts
      </MenuItem>
      <MenuSeparator />
      <MenuItem onSelect={leave}>
        <LogOut aria-hidden className="size-4" />
        Sign out
      </MenuItem>
    </Menu>
  );
}
