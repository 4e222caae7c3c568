'use client';

import { useMutation } from '@tanstack/react-query';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import { count } from '../../../../components/format/number.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import type { ChannelAction } from './channel-columns.tsx';
import { placeOf } from './words.ts';

type ActionDialogProps = { action: ChannelAction; channel: ChannelItem; onClose(): void };
type OneChannel = Omit<ActionDialogProps, 'action'>;

const refresh = () =>
  Promise.all([
    queryClient.invalidateQueries({ queryKey: trpc.notify.channels.list.pathKey() }),
    queryClient.invalidateQueries({ queryKey: trpc.notify.deliveries.pathKey() }),
  ]);

function TestDialog({ channel, onClose }: OneChannel) {
  const test = useMutation(
    trpc.notify.channels.test.mutationOptions({ onSettled: () => void refresh() }),
  );
  const result = test.data;
  return (
    <Dialog
      open
      title={`Send a test to ${channel.name}`}
      description={
        channel.kind === 'pagerduty'
          ? 'Opens an incident in PagerDuty with severity info; resolve it there.'
          : `One message goes to ${placeOf(channel)} now.`
      }
      onOpenChange={onClose}
    >
      <div aria-live="polite" className="mb-4 min-h-6 text-13">
        {test.isPending ? 'Sending; an answer takes at most 10 s.' : null}
        {result ? (
          <div className="grid gap-2">
            <span className="flex items-center gap-2">
              <StatusBadge
                kind={result.delivered ? 'ok' : 'bad'}
                word={result.delivered ? 'Delivered' : 'Not delivered'}
              />
              after {formatDuration(result.tookMs / 1000)}
            </span>
            <code className="break-words font-mono text-12 text-muted">{result.detail}</code>
          </div>
        ) : null}
        {test.error ? (
          <span role="alert" className="text-bad-text">
            {failureOf(test.error).message}
          </span>
        ) : null}
      </div>
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Close</Button>
        <Button
          look="primary"
          busy={test.isPending}
          onClick={() => test.mutate({ id: channel.id })}
        >
          {result ? 'Send another' : 'Send test'}
        </Button>
      </div>
    </Dialog>
  );
}

function SwitchDialog({ channel, onClose }: OneChannel) {
  const enabled = !channel.enabled;
  const update = useMutation(
    trpc.notify.channels.update.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', `${channel.name} is ${enabled ? 'enabled' : 'disabled'}.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`${enabled ? 'Enable' : 'Disable'} ${channel.name}`}
      consequence={
        enabled
          ? `New messages go here again.${channel.pendingCount > 0 ? ` ${count(channel.pendingCount, 'message that waits is', 'messages that wait are')} sent at once.` : ''}`
          : 'Nobody is told through it of anything new. What waits stays, and goes out when it is enabled again; so do resolves of what it opened.'
      }
      verb={enabled ? 'Enable' : 'Disable'}
      danger={!enabled}
      busy={update.isPending}
      error={update.error}
      onConfirm={() => update.mutate({ id: channel.id, enabled })}
      onClose={onClose}
    />
  );
}

function RemoveDialog({ channel, onClose }: OneChannel) {
  const waiting = channel.pendingCount + channel.deadCount;
  const remove = useMutation(
    trpc.notify.channels.remove.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', `${channel.name} is removed.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Remove ${channel.name}`}
      consequence={
        <>
          Its settings and the log of what it was sent go away
          {waiting > 0
            ? `, and ${count(waiting, 'message that was not delivered is', 'messages that were not delivered are')} dropped`
            : ''}
          . What it opened elsewhere is not resolved there. This cannot be undone.
        </>
      }
      verb="Remove channel"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ id: channel.id })}
      onClose={onClose}
    />
  );
}

export default function ActionDialog({ action, ...props }: ActionDialogProps) {
  switch (action) {
    case 'test':
      return <TestDialog {...props} />;
    case 'remove':
      return <RemoveDialog {...props} />;
    default:
      return <SwitchDialog {...props} />;
  }
}
