'use client';

import { useMutation } from '@tanstack/react-query';
import Link from 'next/link';
import { useState } from 'react';
import { Details } from '../../../../components/data/details.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { SeverityBadge } from '../../../../components/data/severity-badge.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button, buttonClass } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { DeliveryItem } from '../../../../server/notify/contract.ts';
import { deliveryWords, kindWords, messageWords } from './words.ts';

const refresh = () =>
  Promise.all([
    queryClient.invalidateQueries({ queryKey: trpc.notify.channels.list.pathKey() }),
    queryClient.invalidateQueries({ queryKey: trpc.notify.deliveries.pathKey() }),
  ]);

function CancelDialog({ delivery, onClose }: { delivery: DeliveryItem; onClose(): void }) {
  const cancel = useMutation(
    trpc.notify.cancel.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', 'The message is cancelled.');
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Cancel “${delivery.title}”`}
      consequence={`${delivery.channelName} never gets it${
        delivery.kind === 'rollup' ? ', nor any of the messages gathered in it' : ''
      }. Later messages about the same thing no longer wait for it.`}
      verb="Cancel message"
      danger
      busy={cancel.isPending}
      error={cancel.error}
      onConfirm={() => cancel.mutate({ id: delivery.id })}
      onClose={onClose}
    />
  );
}

function Actions({ delivery }: { delivery: DeliveryItem }) {
  const [cancelling, setCancelling] = useState(false);
  const resend = useMutation(
    trpc.notify.resend.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', 'The message is sent again.');
      },
      onError: (error) => toast('bad', failureOf(error).message),
    }),
  );
  const dead = delivery.status === 'dead';
  if (!dead && delivery.status !== 'pending') return null;
  return (
    <>
      {dead ? (
        <Button
          look="primary"
          busy={resend.isPending}
          onClick={() => resend.mutate({ id: delivery.id })}
        >
          Send again
        </Button>
      ) : null}
      <Button onClick={() => setCancelling(true)}>Cancel message</Button>
      {cancelling ? (
        <CancelDialog delivery={delivery} onClose={() => setCancelling(false)} />
      ) : null}
    </>
  );
}

function rowsOf(delivery: DeliveryItem): (readonly [string, React.ReactNode])[] {
  const { status, lastError, lastStatus, deliveredAt, nextAttemptAt } = delivery;
  return [
    ['Status', <StatusBadge key="status" {...deliveryWords[status]} />],
    ['Channel', `${delivery.channelName} (${kindWords[delivery.channelKind]})`],
    ['Kind', messageWords[delivery.kind]],
    ['Severity', <SeverityBadge key="severity" severity={delivery.severity} />],
    ['Queued', <RelativeTime key="created" at={delivery.createdAt} />],
    ...(deliveredAt
      ? [['Delivered', <RelativeTime key="delivered" at={deliveredAt} />] as const]
      : []),
    ['Attempts', delivery.attempts],
    ...(status === 'pending'
      ? [['Next attempt', <RelativeTime key="next" at={nextAttemptAt} />] as const]
      : []),
    ...(lastError ? [['Last error', lastError] as const] : []),
    ...(lastStatus === null ? [] : [['Last answer', lastStatus] as const]),
    ...(delivery.maybeTwice
      ? [
          [
            'Note',
            'A process ended while it was being sent; the receiver may have it twice.',
          ] as const,
        ]
      : []),
    ...(delivery.foldedInto
      ? [['Sent as', 'One line of a rollup, because many messages came at once.'] as const]
      : []),
    [
      'Id',
      <code key="id" className="font-mono text-12">
        {delivery.id}
      </code>,
    ],
  ];
}

/** One message to one channel: what it says, how it went, and what can be done. */
export default function DeliverySheet(props: {
  delivery: DeliveryItem;
  operator: boolean;
  onClose(): void;
}) {
  const { delivery, operator, onClose } = props;
  return (
    <Dialog
      open
      as="sheet"
      title={delivery.title}
      description={`${messageWords[delivery.kind]}, to ${delivery.channelName}`}
      onOpenChange={onClose}
    >
      <div className="mb-4 flex flex-wrap gap-2">
        {operator ? <Actions delivery={delivery} /> : null}
        <Link href={delivery.href} className={buttonClass('secondary')}>
          Open what it is about
        </Link>
      </div>
      <Details rows={rowsOf(delivery)} />
      <h3 className="mt-6 mb-2 font-medium text-14">Message</h3>
      <p className="whitespace-pre-wrap break-words text-13">{delivery.text || delivery.title}</p>
      {delivery.facts.length > 0 ? (
        <div className="mt-3">
          <Details
            rows={[...Map.groupBy(delivery.facts, ({ label }) => label)].map(
              ([label, facts]) => [label, facts.map(({ value }) => value).join(', ')] as const,
            )}
          />
        </div>
      ) : null}
    </Dialog>
  );
}
