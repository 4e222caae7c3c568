'use client';

import { useQuery } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { parseAsString, useQueryState } from 'nuqs';
import { useState } from 'react';
import { Details } from '../../../../../components/data/details.tsx';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { RoleGate } from '../../../../../components/data/role-gate.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { Stat } from '../../../../../components/data/stat.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { count, formatNumber } from '../../../../../components/format/number.ts';
import { formatInstant, formatRelative } from '../../../../../components/format/time.ts';
import { useNow } from '../../../../../components/live/use-now.ts';
import { trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import type { KeyItem, KeyVersionItem } from '../../../../../server/keys/contract.ts';
import {
  isAccepted,
  type KeyAction,
  liveOf,
  ownerText,
  scopesText,
  stateOf,
  type VersionAction,
} from '../../_components/words.tsx';
import { USAGE_DAYS, Usage } from './usage.tsx';
import { Rehearsal, Versions } from './versions.tsx';

const ActionDialog = dynamic(() => import('../../_components/action-dialog.tsx'), { ssr: false });
const KeySheet = dynamic(() => import('../../_components/key-sheet.tsx'), { ssr: false });
const VersionDialog = dynamic(() => import('./version-dialog.tsx'), { ssr: false });

function Facts({ item }: { item: KeyItem }) {
  return (
    <section aria-labelledby="facts" className="rounded-card border bg-surface px-3.5 py-3">
      <h2 id="facts" className="mb-1 font-medium text-14">
        What it may do
      </h2>
      <Details
        rows={[
          ['Role', item.role],
          [
            'Scopes',
            <span key="scopes" className={item.scopes.length > 0 ? 'font-mono text-12' : undefined}>
              {scopesText(item)}
            </span>,
          ],
          ['Owner', ownerText(item)],
          [
            'Rate',
            item.rateLimit
              ? `${formatNumber(item.rateLimit)} calls a minute`
              : 'the limit of all keys',
          ],
          ['Accepted from', item.addresses.length > 0 ? item.addresses.join(', ') : 'everywhere'],
          ['End', item.expiresAt ? formatInstant(item.expiresAt) : 'none'],
          [
            'New version',
            item.rotateDays ? `every ${count(item.rotateDays, 'day')}` : 'when somebody makes one',
          ],
          [
            'Created',
            <span key="created">
              by {item.createdBy} <RelativeTime at={item.createdAt} />
            </span>,
          ],
        ]}
      />
      <Link href={`/audit?target=${item.id}`} className="text-13 underline">
        Its entries in the audit log
      </Link>
    </section>
  );
}

const DAY_MS = 86_400_000;
function daysTo(at: string, now: number): string {
  const days = Math.round((Date.parse(at) - now) / DAY_MS);
  if (days === 0) return 'today';
  return days > 0 ? `in ${count(days, 'day')}` : `${count(-days, 'day')} ago`;
}

function Figures({ item, now }: { item: KeyItem; now: number }) {
  const usage = useQuery(trpc.keys.usage.queryOptions({ id: item.id, days: USAGE_DAYS }));
  const calls = usage.data?.days.reduce((sum, day) => sum + day.calls, 0);
  const refused = usage.data?.days.reduce((sum, day) => sum + day.refused, 0);
  const live = liveOf(item);
  const overdue = item.rotationDueAt !== null && Date.parse(item.rotationDueAt) <= now;
  return (
    <div className="mb-3 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Stat
        label="Accepted versions"
        value={isAccepted(item) ? String(live.length) : '0'}
        note={
          isAccepted(item) && live.length > 0
            ? live.map(({ version }) => `v${version}`).join(' and ')
            : 'none'
        }
      />
      <Stat
        label={`Calls, last ${USAGE_DAYS} days`}
        value={calls === undefined ? undefined : formatNumber(calls)}
        note={refused ? `${formatNumber(refused)} refused` : 'none refused'}
      />
      <Stat
        label="Last used"
        value={item.lastUsedAt ? formatRelative(item.lastUsedAt, now) : 'never'}
        note={item.lastUsedAt ? formatInstant(item.lastUsedAt) : ' '}
      />
      <Stat
        label="Rotation due"
        value={item.rotationDueAt ? daysTo(item.rotationDueAt, now) : '–'}
        tone={overdue ? 'warn' : 'plain'}
        note={item.rotationDueAt ? formatInstant(item.rotationDueAt) : 'no date'}
      />
    </div>
  );
}

function Key() {
  const [id] = useQueryState('id', parseAsString.withDefault(''));
  const now = useNow() ?? 0;
  const query = useQuery(
    trpc.keys.get.queryOptions({ id }, { enabled: id !== '', refetchInterval: 5_000 }),
  );
  const [doing, setDoing] = useState<KeyAction | null>(null);
  const [asked, setAsked] = useState<{ action: VersionAction; version: KeyVersionItem } | null>(
    null,
  );
  const { data: item } = query;
  const status = query.isError ? failureOf(query.error).status : null;
  if (id === '' || status === 404 || status === 400) {
    return (
      <>
        <PageHeader title="Key" state="" />
        <EmptyState
          title="There is no such key"
          why="Keys are never removed, so the address is probably cut off."
          action={
            <Link href="/keys" className={buttonClass('secondary')}>
              All keys
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !item) {
    return (
      <>
        <PageHeader title="Key" state="" />
        <ErrorPanel what="The key" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!item) return <PageSkeleton title="Key" />;
  const mayChange = item.state !== 'revoked';
  return (
    <>
      <PageHeader
        title={item.name}
        state={
          <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <StatusBadge {...stateOf(item, now)} />
            <code className="font-mono text-12">
              {(liveOf(item)[0] ?? item.versions[0])?.hint}…
            </code>
          </span>
        }
        action={
          mayChange ? (
            <>
              <Button onClick={() => setDoing('revoke')}>Revoke</Button>
              <Button onClick={() => setDoing('edit')}>Edit</Button>
              <Button look="primary" onClick={() => setDoing('rotate')}>
                Rotate
              </Button>
            </>
          ) : null
        }
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <Rehearsal item={item} act={(action, version) => setAsked({ action, version })} />
      <Figures item={item} now={now} />
      <Versions
        item={item}
        act={mayChange ? (action, version) => setAsked({ action, version }) : null}
      />
      <Usage item={item} />
      <Facts item={item} />
      {doing === 'edit' ? <KeySheet item={item} onClose={() => setDoing(null)} /> : null}
      {doing && doing !== 'edit' ? (
        <ActionDialog action={doing} item={item} onClose={() => setDoing(null)} />
      ) : null}
      {asked ? <VersionDialog {...asked} item={item} onClose={() => setAsked(null)} /> : null}
    </>
  );
}

/** One key: its versions, who still uses which, and what it may do. */
export function KeyPage() {
  return (
    <RoleGate title="Key" needs="admin">
      <Key />
    </RoleGate>
  );
}
