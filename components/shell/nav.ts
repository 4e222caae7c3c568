/** Every page of the console, once. A module adds its entry here; the sidebar, the palette and `g` keys follow. */
import {
  BellRing,
  Brain,
  Cable,
  ChartSpline,
  CircuitBoard,
  Database,
  DatabaseZap,
  FlaskConical,
  Gauge,
  HardDrive,
  HeartPulse,
  KeyRound,
  LayoutDashboard,
  Lightbulb,
  type LucideIcon,
  MemoryStick,
  Scale,
  ScrollText,
  Settings2,
  ShieldCheck,
  Siren,
  Ticket,
  Timer,
  TrafficCone,
  TrendingUp,
  UsersRound,
  Waves,
  Wrench,
} from 'lucide-react';
import type { Role } from '../../server/api/contract.ts';

type NavGroup = 'Observe' | 'Protect' | 'Predict' | 'Data' | 'Access' | 'System';
export type NavEntry = {
  href: string;
  label: string;
  group: NavGroup;
  icon: LucideIcon;
  role: Role;
  /** Pressed after `g`; without one the palette leads there. */
  key?: string;
  /** Shows the range of time in the top bar: of the last minutes in memory, or of the metric store. */
  timeRange?: 'live' | 'store';
  /** What of it needs a person is counted beside its name. */
  badge?: 'incidents' | 'approvals';
};

export const nav: readonly NavEntry[] = [
  {
    href: '/',
    label: 'Overview',
    group: 'Observe',
    icon: Gauge,
    role: 'viewer',
    key: 'o',
    timeRange: 'live',
  },
  {
    href: '/health',
    label: 'Health',
    group: 'Observe',
    icon: HeartPulse,
    role: 'viewer',
    key: 'h',
    badge: 'approvals',
  },
  {
    href: '/incidents',
    label: 'Incidents',
    group: 'Observe',
    icon: Siren,
    role: 'viewer',
    key: 'i',
    badge: 'incidents',
  },
  {
    href: '/explore',
    label: 'Explore',
    group: 'Observe',
    icon: ChartSpline,
    role: 'viewer',
    key: 'x',
    timeRange: 'store',
  },
  {
    href: '/dashboards',
    label: 'Dashboards',
    group: 'Observe',
    icon: LayoutDashboard,
    role: 'viewer',
    key: 'b',
  },
  {
    href: '/maintenance',
    label: 'Maintenance',
    group: 'Observe',
    icon: Wrench,
    role: 'viewer',
    key: 'm',
  },
  {
    href: '/game-days',
    label: 'Game days',
    group: 'Observe',
    icon: FlaskConical,
    role: 'viewer',
    key: 'd',
  },
  {
    href: '/breakers',
    label: 'Breakers',
    group: 'Protect',
    icon: CircuitBoard,
    role: 'viewer',
    key: 'r',
  },
  {
    href: '/limits',
    label: 'Limits',
    group: 'Protect',
    icon: TrafficCone,
    role: 'viewer',
    key: 'l',
  },
  {
    href: '/cache',
    label: 'Cache',
    group: 'Protect',
    icon: DatabaseZap,
    role: 'viewer',
    key: 'w',
  },
  {
    href: '/memory',
    label: 'Memory',
    group: 'Protect',
    icon: MemoryStick,
    role: 'viewer',
    key: 'y',
  },
  {
    href: '/forecasts',
    label: 'Forecasts',
    group: 'Predict',
    icon: TrendingUp,
    role: 'viewer',
    key: 'g',
  },
  { href: '/capacity', label: 'Capacity', group: 'Predict', icon: HardDrive, role: 'viewer' },
  { href: '/drift', label: 'Drift', group: 'Predict', icon: Waves, role: 'viewer', key: 'z' },
  { href: '/models', label: 'Models', group: 'Predict', icon: Brain, role: 'viewer' },
  {
    href: '/sources',
    label: 'Sources',
    group: 'Data',
    icon: Cable,
    role: 'viewer',
    key: 'c',
  },
  { href: '/queries', label: 'Queries', group: 'Data', icon: Timer, role: 'viewer', key: 'q' },
  {
    href: '/databases',
    label: 'Databases',
    group: 'Data',
    icon: Database,
    role: 'viewer',
    key: 'j',
  },
  { href: '/advice', label: 'Advice', group: 'Data', icon: Lightbulb, role: 'viewer', key: 'f' },
  { href: '/keys', label: 'Keys', group: 'Access', icon: KeyRound, role: 'admin', key: 'k' },
  { href: '/tokens', label: 'Tokens', group: 'Access', icon: Ticket, role: 'admin', key: 't' },
  {
    href: '/policies',
    label: 'Policies',
    group: 'Access',
    icon: Scale,
    role: 'admin',
    key: 'p',
  },
  { href: '/users', label: 'Users', group: 'Access', icon: UsersRound, role: 'admin', key: 'u' },
  {
    href: '/channels',
    label: 'Channels',
    group: 'System',
    icon: BellRing,
    role: 'viewer',
    key: 'n',
  },
  { href: '/audit', label: 'Audit', group: 'System', icon: ScrollText, role: 'admin', key: 'a' },
  {
    href: '/security',
    label: 'Security',
    group: 'System',
    icon: ShieldCheck,
    role: 'admin',
    key: 'v',
  },
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

type Detail = { href: string; label: string; list: string; timeRange?: 'store' };
/** Pages of one thing, and the list that each belongs to. */
const details: readonly Detail[] = [
  { href: '/health/target', label: 'Target', list: '/health' },
  { href: '/incidents/detail', label: 'Incident', list: '/incidents' },
  { href: '/keys/detail', label: 'Key', list: '/keys' },
  { href: '/databases/database', label: 'Database', list: '/databases' },
  { href: '/queries/query', label: 'Query', list: '/queries' },
  { href: '/forecasts/forecast', label: 'Forecast', list: '/forecasts' },
  { href: '/drift/monitor', label: 'Drift monitor', list: '/drift' },
  { href: '/models/model', label: 'Model', list: '/models' },
  { href: '/breakers/detail', label: 'Breaker', list: '/breakers' },
  { href: '/dashboards/view', label: 'Dashboard', list: '/dashboards', timeRange: 'store' },
];

/** The entry of the sidebar that a page belongs to. */
export function entryOf(pathname: string): NavEntry | undefined {
  const href = details.find((page) => page.href === pathname)?.list ?? pathname;
  return nav.find((entry) => entry.href === href);
}

/** Which range of time a page has, if any. */
export function timeRangeOf(pathname: string): 'live' | 'store' | undefined {
  return [...nav, ...details].find(({ href }) => href === pathname)?.timeRange;
}

export function titleOf(pathname: string): string {
  if (pathname === account.href) return account.label;
  const detail = details.find(({ href }) => href === pathname);
  if (detail) return detail.label;
  return nav.find(({ href }) => href === pathname)?.label ?? 'Wheelhouse';
}
