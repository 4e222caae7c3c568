'use client';

import { useMutation } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Column } from '../../../../components/data/columns.ts';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import type { SigningKeyItem } from '../../../../server/tokens/contract.ts';
import type { Target } from './revoke-dialog.tsx';
import { useSigningKeys } from './use-tokens.ts';
import { keyWords } from './words.ts';

const columnsOf = (revoke: (target: Target) => void): readonly Column<SigningKeyItem>[] => [
  {
    id: 'kid',
    header: 'Key (kid)',
    csv: ({ kid }) => kid,
    cell: ({ kid }) => (
      <span title={kid} className="font-mono text-12">
        {kid}
      </span>
    ),
  },
  {
    id: 'state',
    header: 'State',
    width: '140px',
    csv: ({ state }) => state,
    cell: ({ state }) => <StatusBadge {...keyWords[state]} />,
  },
  {
    id: 'tokens',
    header: 'Active tokens',
    width: '120px',
    align: 'right',
    csv: ({ activeTokens }) => activeTokens,
    cell: ({ activeTokens }) => activeTokens,
  },
  {
    id: 'activated',
    header: 'Signs since',
    width: '120px',
    csv: ({ activatedAt }) => activatedAt,
    cell: ({ activatedAt }) => (activatedAt ? <RelativeTime at={activatedAt} /> : '–'),
  },
  {
    id: 'ends',
    header: 'Replaced',
    width: '120px',
    csv: ({ rotatesAt, retiredAt }) => rotatesAt ?? retiredAt,
    cell: ({ rotatesAt, retiredAt }) => {
      const at = rotatesAt ?? retiredAt;
      return at ? <RelativeTime at={at} /> : '–';
    },
  },
  {
    id: 'actions',
    header: 'Actions',
    width: '130px',
    cell: ({ kid, state, activeTokens }) => (
      <Button
        look="ghost"
        className="h-7"
        disabled={state === 'compromised'}
        aria-label={`Revoke the key ${kid}`}
        onClick={() => revoke({ kind: 'key', kid, tokens: activeTokens })}
      >
        Revoke
      </Button>
    ),
  },
];

function RotateDialog({ onClose }: { onClose(): void }) {
  const rotate = useMutation(
    trpc.tokens.rotateKey.mutationOptions({
      onSuccess: async ({ kid }) => {
        await queryClient.invalidateQueries({ queryKey: trpc.tokens.pathKey() });
        toast('ok', `The key ${kid} signs from now on.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title="Replace the signing key"
      consequence="The next key signs from now on. Tokens that the present one signed stay good until they end; then it goes."
      verb="Replace"
      busy={rotate.isPending}
      error={rotate.error}
      onConfirm={() => rotate.mutate()}
      onClose={onClose}
    />
  );
}

export default function KeyList({ revoke }: { revoke(target: Target): void }) {
  const query = useSigningKeys();
  const [rotating, setRotating] = useState(false);
  const columns = useMemo(() => columnsOf(revoke), [revoke]);
  if (query.isError && !query.data) {
    return (
      <ErrorPanel what="The signing keys" error={query.error} onRetry={() => query.refetch()} />
    );
  }
  if (!query.data) return <TableSkeleton />;
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Signing keys"
        columns={columns}
        rows={query.data.keys}
        rowId={({ kid }) => kid}
        stamp={({ state }) => state}
        toolbar={<Button onClick={() => setRotating(true)}>Replace the signing key</Button>}
      />
      <p className="mt-3 max-w-prose text-13 text-muted">
        Keys are replaced every 30 days by themselves. Others verify tokens with the public halves
        at <code className="font-mono text-12">/.well-known/jwks.json</code>; the next key is there
        before it signs.
      </p>
      {rotating ? <RotateDialog onClose={() => setRotating(false)} /> : null}
    </>
  );
}
