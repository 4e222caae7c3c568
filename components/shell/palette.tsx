'use client';

import { useQuery } from '@tanstack/react-query';
import { Command, useCommandState } from 'cmdk';
import { useRouter } from 'next/navigation';
import { Dialog as Radix } from 'radix-ui';
import { useDeferredValue, useState } from 'react';
import { live } from '../live/stream.ts';
import { firstAggregation } from '../metrics/units.ts';
import { latestRequestId, trpc } from '../trpc/client.ts';
import { allows } from '../trpc/role.ts';
import { toast } from '../ui/toast.tsx';
import { leave } from './leave.ts';
import { account, nav } from './nav.ts';
import { openHelp } from './overlays.ts';
import { setTheme, themeOptions } from './theme.ts';
import { useMe } from './use-me.ts';

const group =
  '[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-12 [&_[cmdk-group-heading]]:text-muted';

function Item(props: { label: string; note?: string; run(): void }) {
  return (
    <Command.Item
      value={`${props.label} ${props.note ?? ''}`}
      onSelect={props.run}
      className="flex h-9 items-center justify-between gap-3 rounded-control px-2 text-13 data-[selected=true]:bg-hover"
    >
      <span className="truncate">{props.label}</span>
      {props.note ? <span className="truncate text-12 text-muted">{props.note}</span> : null}
    </Command.Item>
  );
}

/** A list box without an option would be no list box; this one leads back. */
function NoMatch({ showAll }: { showAll(): void }) {
  const none = useCommandState((state) => state.filtered.count === 0);
  return none ? (
    <Command.Item
      forceMount
      value="show everything"
      onSelect={showAll}
      className="flex h-9 items-center rounded-control px-2 text-13 text-muted data-[selected=true]:bg-hover"
    >
      Nothing is called that. Show everything
    </Command.Item>
  ) : null;
}

function copyRequestId() {
  const id = latestRequestId();
  if (!id) return;
  navigator.clipboard
    .writeText(id)
    .then(() => toast('ok', `Copied request id ${id}`))
    .catch(() => toast('bad', `The clipboard is closed to this page. Request id: ${id}`));
}

function People({ q, go }: { q: string; go(href: string): void }) {
  const { data } = useQuery(
    trpc.users.list.queryOptions({ q, limit: 8 }, { enabled: q.trim().length > 1 }),
  );
  if (q.trim().length < 2 || !data || data.items.length === 0) return null;
  return (
    <Command.Group heading="People" className={group}>
      {data.items.map(({ id, name, email }) => (
        <Item
          key={id}
          label={name}
          note={email}
          run={() => go(`/users?q=${encodeURIComponent(email)}`)}
        />
      ))}
    </Command.Group>
  );
}

function Fleet({ q, go }: { q: string; go(href: string): void }) {
  const enabled = q.trim().length > 1;
  const targets = useQuery(
    trpc.health.targets.list.queryOptions({ search: q, limit: 8 }, { enabled }),
  ).data?.items;
  const incidents = useQuery(trpc.incidents.list.queryOptions({ search: q, limit: 5 }, { enabled }))
    .data?.items;
  if (!enabled) return null;
  return (
    <>
      {targets && targets.length > 0 ? (
        <Command.Group heading="Targets" className={group}>
          {targets.map(({ id, name, address, state, paused }) => (
            <Item
              key={id}
              label={name}
              note={`${paused ? 'paused' : state} ${address}`}
              run={() => go(`/health/target?id=${id}`)}
            />
          ))}
        </Command.Group>
      ) : null}
      {incidents && incidents.length > 0 ? (
        <Command.Group heading="Incidents" className={group}>
          {incidents.map(({ id, title, status }) => (
            <Item
              key={id}
              label={title}
              note={status}
              run={() => go(`/incidents/detail?id=${id}`)}
            />
          ))}
        </Command.Group>
      ) : null}
    </>
  );
}

function Figures({ q, go }: { q: string; go(href: string): void }) {
  const search = q.trim().toLowerCase();
  const enabled = search.length > 1;
  const dashboards = useQuery(
    trpc.dashboards.list.queryOptions({ limit: 200 }, { enabled }),
  ).data?.items.filter(({ name }) => name.toLowerCase().includes(search));
  const metrics = useQuery(
    trpc.metrics.catalog.queryOptions({ search: q.trim(), limit: 6 }, { enabled }),
  ).data?.items;
  if (!enabled) return null;
  return (
    <>
      {dashboards && dashboards.length > 0 ? (
        <Command.Group heading="Dashboards" className={group}>
          {dashboards.slice(0, 6).map(({ id, name }) => (
            <Item
              key={id}
              label={name}
              note="dashboard"
              run={() => go(`/dashboards/view?id=${id}`)}
            />
          ))}
        </Command.Group>
      ) : null}
      {metrics && metrics.length > 0 ? (
        <Command.Group heading="Metrics" className={group}>
          {metrics.map(({ metric, kind, help }) => (
            <Item
              key={metric}
              label={metric}
              note={help || 'metric'}
              run={() => go(`/explore?metric=${metric}&show=${firstAggregation(metric, kind)}`)}
            />
          ))}
        </Command.Group>
      ) : null}
    </>
  );
}

/** Every page, target, dashboard, metric, action and, for admins, person, a few letters away. */
export function Palette({ onClose }: { onClose(): void }) {
  const [query, setQuery] = useState('');
  const q = useDeferredValue(query);
  const router = useRouter();
  const me = useMe();
  const run = (action: () => void) => () => {
    onClose();
    action();
  };
  const go = (href: string) => run(() => router.push(href))();
  const pages = nav.filter(({ role }) => me && allows(me.role, role));
  const paused = live.snapshot().state === 'paused';
  return (
    <Radix.Root open onOpenChange={onClose}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Radix.Content
          aria-describedby={undefined}
          className="fixed top-[12vh] left-1/2 z-50 w-[min(560px,calc(100vw-32px))] -translate-x-1/2 animate-fade overflow-hidden rounded-card border border-line-strong bg-surface shadow-float focus:outline-none"
        >
          <Radix.Title className="sr-only">Search and commands</Radix.Title>
          <Command label="Search and commands" loop>
            <Command.Input
              autoFocus
              value={query}
              onValueChange={setQuery}
              placeholder="Search targets, incidents, dashboards, metrics, pages and actions"
              className="h-12 w-full border-b bg-transparent px-4 text-14 outline-none placeholder:text-faint"
            />
            <Command.List className="max-h-[min(400px,60vh)] overflow-y-auto p-2">
              <NoMatch showAll={() => setQuery('')} />
              <Command.Group heading="Go to" className={group}>
                {pages.map(({ href, label, group: area }) => (
                  <Item key={href} label={label} note={area} run={() => go(href)} />
                ))}
                <Item label={account.label} run={() => go(account.href)} />
              </Command.Group>
              <Fleet q={q} go={go} />
              <Figures q={q} go={go} />
              {me?.role === 'admin' ? <People q={q} go={go} /> : null}
              <Command.Group heading="Actions" className={group}>
                {themeOptions.map(({ value, label }) => (
                  <Item key={value} label={`Theme: ${label}`} run={run(() => setTheme(value))} />
                ))}
                <Item
                  label={paused ? 'Resume live figures' : 'Pause live figures'}
                  run={run(() => live.setPaused(!paused))}
                />
                <Item label="Copy latest request id" run={run(copyRequestId)} />
                <Item label="Keyboard shortcuts" run={openHelp} />
                <Item label="Sign out" run={run(leave)} />
              </Command.Group>
            </Command.List>
          </Command>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
