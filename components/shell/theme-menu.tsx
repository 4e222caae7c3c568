'use client';

import { MonitorCog } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { Button } from '../ui/button.tsx';
import { Menu, MenuChoice } from '../ui/menu.tsx';
import { setTheme, subscribeTheme, type ThemeChoice, themeChoice, themeOptions } from './theme.ts';

export default function ThemeMenu() {
  const choice = useSyncExternalStore<ThemeChoice>(subscribeTheme, themeChoice, () => 'system');
  return (
    <Menu
      defaultOpen
      trigger={
        <Button look="ghost" size="icon" aria-label="Theme" title="Theme">
          <MonitorCog aria-hidden className="size-4" />
        </Button>
      }
    >
      <MenuChoice label="Theme" value={choice} options={themeOptions} onChange={setTheme} />
    </Menu>
  );
}
