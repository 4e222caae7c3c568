/** Every page of the console, once. A module adds its entry here; the sidebar, the palette and `g` keys follow. */
import { Gauge, type LucideIcon, ScrollText, Settings2, UsersRound } from 'lucide-react';
import type { Role } from '../../server/api/contract.ts';

type NavGroup = 'Observe' | 'Protect' | 'Predict' | 'Data' | 'Access' | 'System';
export type NavEntry = {
  href: string;
  label: string;
  group: NavGroup;
  icon: LucideIcon;
  role: Role;
  /** Pressed after `g`. */
  key: string;
  /** Shows the range of time in the top bar. */
  timeRange?: true;
};

export const nav: readonly NavEntry[] = [
  {
    href: '/',
    label: 'Overview',
    group: 'Observe',
    icon: Gauge,
    role: 'viewer',
    key: 'o',
    timeRange: true,
  },
  { href: '/users', label: 'Users', group: 'Access', icon: UsersRound, role: 'admin', key: 'u' },
  { href: '/audit', label: 'Audit', group: 'System', icon: ScrollText, role: 'admin', key: 'a' },
  {
    href: '/settings',
    label: 'Settings',
    group: 'System',
    icon: Settings2,
    role: 'admin',
    key: 's',
  },
];

/** Groups in the order of the list above. */
export const navGroups: readonly NavGroup[] = [...new Set(nav.map(({ group }) => group))];

/** Pages that are not in the sidebar. */
export const account = { href: '/sessions', label: 'Account and sessions', key: 'e' } as const;

export function titleOf(pathname: string): string {
  if (pathname === account.href) return account.label;
  return nav.find(({ href }) => href === pathname)?.label ?? 'Wheelhouse';
}
