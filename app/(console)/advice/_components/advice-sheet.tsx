'use client';

import { useQuery } from '@tanstack/react-query';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { AdviceActions } from '../../../../components/queries/advice-actions.tsx';
import { AdviceView } from '../../../../components/queries/advice-view.tsx';
import { titleOf } from '../../../../components/queries/advice-words.ts';
import { recoveryInterval, trpc } from '../../../../components/trpc/client.ts';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';

const EVERY_MS = 2_000;

/** One piece of advice, as it is now. */
export default function AdviceSheet({ id, onClose }: { id: string; onClose(): void }) {
  const query = useQuery(
    trpc.queries.advice.get.queryOptions(
      { id },
      { refetchInterval: ({ state }) => recoveryInterval(state) ?? EVERY_MS },
    ),
  );
  const { data: item } = query;
  return (
    <Dialog open as="sheet" title={item ? titleOf(item.advice) : 'Advice'} onOpenChange={onClose}>
      {item ? (
        <AdviceView item={item} actions={<AdviceActions item={item} />} />
      ) : query.isError ? (
        <ErrorPanel what="The advice" error={query.error} onRetry={() => query.refetch()} />
      ) : (
        <Skeleton className="h-64" />
      )}
    </Dialog>
  );
}
