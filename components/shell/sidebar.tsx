'use client';

import { PanelLeft } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { Role } from '../../server/api/contract.ts';
import { allows } from '../trpc/role.ts';
import { cx } from '../ui/cx.ts';
import { Mark } from './mark.tsx';
import { entryOf, type NavEntry, nav, navGroups } from './nav.ts';
import { useMe } from './use-me.ts';
import { useNeeds } from './use-needs.ts';

const row =
  'flex h-8 items-center gap-2.5 md:h-7 rounded-control px-2.5 text-13 font-medium transition-colors duration-120 collapsed:md:justify-center collapsed:md:px-0';
const wordOnly = 'collapsed:md:sr-only';

function toggleSidebar() {
  const { dataset } = document.documentElement;
  const collapsed = dataset.sidebar !== 'collapsed';
  if (collapsed) dataset.sidebar = 'collapsed';
  else delete dataset.sidebar;
  localStorage.setItem('sidebar', collapsed ? 'collapsed' : 'open');
}

function Entry({ entry, onNavigate }: { entry: NavEntry; onNavigate?: (() => void) | undefined }) {
  const current = entryOf(usePathname())?.href === entry.href;
  const needs = useNeeds(entry.badge);
  const Icon = entry.icon;
  return (
    <Link
      href={entry.href}
      title={entry.label}
      aria-current={current ? 'page' : undefined}
      onClick={onNavigate}
      className={cx(
        row,
        current ? 'bg-active text-text' : 'text-muted hover:bg-hover hover:text-text',
      )}
    >
      <Icon aria-hidden className="size-4 shrink-0" />
      <span className={cx(wordOnly, 'flex-1')}>{entry.label}</span>
      {needs > 0 ? (
        <span className="min-w-5 rounded-full bg-bad-soft px-1.5 text-center text-12 text-bad-text tabular-nums collapsed:md:hidden">
          {needs > 99 ? '99+' : needs}
          <span className="sr-only"> need a person</span>
        </span>
      ) : null}
    </Link>
  );
}

function leastRole(entries: readonly NavEntry[]): Role | undefined {
  return (['viewer', 'operator', 'admin'] as const).find((r) => entries.some((e) => e.role === r));
}

/** The pages, grouped by what an operator does. What a role may not open is not listed. */
export function NavList({ onNavigate }: { onNavigate?: () => void }) {
  const me = useMe();
  // Until the role is known, the one seen last on this device decides: see `data-needs` in globals.css.
  const visible = nav.filter(({ role }) => !me || allows(me.role, role));
  return (
    <nav aria-label="Main" className="grid gap-3">
      {navGroups.map((group) => {
        const entries = visible.filter((entry) => entry.group === group);
        return entries.length === 0 ? null : (
          <div key={group} data-needs={leastRole(entries)}>
            <div className={cx('px-2.5 pb-1 text-12 text-faint', wordOnly)}>{group}</div>
            <ul className="grid gap-px">
              {entries.map((entry) => (
                <li key={entry.href} data-needs={entry.role}>
                  <Entry entry={entry} onNavigate={onNavigate} />
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

export function Sidebar() {
  return (
    <aside className="sidebar-width sticky top-0 hidden h-dvh shrink-0 flex-col border-r bg-surface md:flex">
      <div className="flex h-12 items-center gap-2 px-5 font-semibold text-14 collapsed:justify-center collapsed:px-0">
        <Mark className="size-5 shrink-0 text-accent-text" />
        <span className={wordOnly}>Wheelhouse</span>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-2.5 py-2">
        <NavList />
      </div>
      <div className="border-t p-2.5">
        <button
          type="button"
          onClick={toggleSidebar}
          className={cx(row, 'w-full text-muted hover:bg-hover hover:text-text')}
        >
          <PanelLeft aria-hidden className="size-4 shrink-0" />
          <span className={wordOnly}>Collapse or expand</span>
        </button>
      </div>
    </aside>
  );
}
