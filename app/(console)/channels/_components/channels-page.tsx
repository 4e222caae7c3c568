'use client';

import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { parseAsStringLiteral, useQueryState } from 'nuqs';
import { useState } from 'react';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { count } from '../../../../components/format/number.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { Tabs } from '../../../../components/ui/tabs.tsx';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import type { ChannelAction } from './channel-columns.tsx';
import { ChannelList } from './channel-list.tsx';
import { DeliveryList } from './delivery-list.tsx';
import { useChannels } from './use-channels.ts';

const ChannelDialog = dynamic(() => import('./channel-dialog.tsx'), { ssr: false });
const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });

const tabs = ['channels', 'deliveries'] as const;
const tabWords = { channels: 'Channels', deliveries: 'Deliveries' } as const;

function State({ channels }: { channels: readonly ChannelItem[] | undefined }) {
  if (!channels) return <Skeleton className="h-4 w-64" />;
  if (channels.length === 0) return <>Nobody is told yet when something breaks.</>;
  const sum = (of: (channel: ChannelItem) => number) =>
    channels.reduce((total, channel) => total + of(channel), 0);
  const off = channels.filter(({ enabled }) => !enabled).length;
  const dead = sum(({ deadCount }) => deadCount);
  const pending = sum(({ pendingCount }) => pendingCount);
  return (
    <>
      {count(channels.length, 'channel')}
      {off > 0 ? `, ${off} disabled` : ''}
      {pending > 0 ? `, ${count(pending, 'message waits', 'messages wait')}` : ''}
      {dead > 0 ? `, ${count(dead, 'message was', 'messages were')} given up` : ''}.
    </>
  );
}

export function ChannelsPage() {
  const [tab, setTab] = useQueryState(
    'tab',
    parseAsStringLiteral(tabs).withDefault('channels').withOptions({ history: 'push' }),
  );
  const list = useChannels();
  const me = useMe();
  const admin = me !== undefined && allows(me.role, 'admin');
  const [editing, setEditing] = useState<ChannelItem | 'new' | null>(null);
  const [pending, setPending] = useState<{ action: ChannelAction; channel: ChannelItem } | null>(
    null,
  );
  const add = () => setEditing('new');
  return (
    <>
      <PageHeader
        title="Channels"
        state={<State channels={list.channels} />}
        action={
          admin ? (
            <Button look="primary" onClick={add}>
              <Plus aria-hidden className="size-4" />
              Add channel
            </Button>
          ) : undefined
        }
      />
      <Tabs tabs={tabs} words={tabWords} tab={tab} onTab={(next) => void setTab(next)} />
      {tab === 'channels' ? (
        <ChannelList
          list={list}
          admin={admin}
          onAdd={add}
          act={(action, channel) =>
            action === 'edit' ? setEditing(channel) : setPending({ action, channel })
          }
        />
      ) : (
        <DeliveryList
          channels={list.channels}
          operator={me !== undefined && allows(me.role, 'operator')}
        />
      )}
      {editing ? (
        <ChannelDialog
          channel={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
        />
      ) : null}
      {pending ? <ActionDialog {...pending} onClose={() => setPending(null)} /> : null}
    </>
  );
}
