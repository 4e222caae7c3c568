'use client';

import { CircleUser, Menu as MenuIcon, MonitorCog, Search } from 'lucide-react';
import { usePathname } from 'next/navigation';
import { Suspense } from 'react';
import { Button } from '../ui/button.tsx';
import { Kbd } from '../ui/kbd.tsx';
import { LazyMenu } from './lazy-menu.tsx';
import { LiveBadge } from './live-badge.tsx';
import { entryOf, timeRangeOf, titleOf } from './nav.ts';
import { openNav, openPalette } from './overlays.ts';
import { StoreRange } from './store-range.tsx';
import { TimeRange } from './time-range.tsx';

const loadThemeMenu = () => import('./theme-menu.tsx');
const loadAccountMenu = () => import('./account-menu.tsx');

export function TopBar() {
  const pathname = usePathname();
  const entry = entryOf(pathname);
  const timeRange = timeRangeOf(pathname);
  return (
    <header className="sticky top-0 z-30 flex h-12 items-center gap-1 border-b bg-canvas px-2 md:gap-2 md:px-6">
      <Button
        look="ghost"
        size="icon"
        aria-label="Open navigation"
        data-overlay="nav"
        onClick={openNav}
        className="md:hidden"
      >
        <MenuIcon aria-hidden className="size-4" />
      </Button>
      <div className="min-w-0 flex-1 truncate text-13">
        {entry ? <span className="text-muted max-sm:hidden">{entry.group} / </span> : null}
        <span className="font-medium">{titleOf(pathname)}</span>
      </div>
      <button
        type="button"
        data-overlay="palette"
        onClick={openPalette}
        aria-label="Search and commands"
        className="flex h-8 items-center gap-2 rounded-control border border-line-strong px-2 text-13 text-muted hover:bg-hover"
      >
        <Search aria-hidden className="size-4" />
        <span className="max-lg:hidden">Search</span>
        <span aria-hidden className="flex gap-1 max-lg:hidden">
          <Kbd>Ctrl</Kbd>
          <Kbd>K</Kbd>
        </span>
      </button>
      {timeRange ? (
        <Suspense
          fallback={
            <div className={timeRange === 'live' ? 'h-8 w-[86px]' : 'h-8 w-24 sm:w-32 lg:w-44'} />
          }
        >
          {timeRange === 'live' ? <TimeRange /> : <StoreRange />}
        </Suspense>
      ) : null}
      <LiveBadge />
      <LazyMenu
        label="Theme"
        icon={<MonitorCog aria-hidden className="size-4" />}
        load={loadThemeMenu}
      />
      <LazyMenu
        label="Account"
        icon={<CircleUser aria-hidden className="size-4" />}
        load={loadAccountMenu}
      />
    </header>
  );
}
