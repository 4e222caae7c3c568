'use client';

import { useQuery } from '@tanstack/react-query';
import { ShieldCheck } from 'lucide-react';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { formatDuration } from '../../../../components/format/duration.ts';
import { formatNumber } from '../../../../components/format/number.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Button } from '../../../../components/ui/button.tsx';

/** Only when asked for: it walks the whole chain. */
export function useVerify() {
  return useQuery(
    trpc.audit.verify.queryOptions(undefined, {
      enabled: false,
      retry: false,
      refetchInterval: false,
    }),
  );
}

export function VerifyButton({ verify }: { verify: ReturnType<typeof useVerify> }) {
  return (
    <Button busy={verify.isFetching} onClick={() => verify.refetch()}>
      <ShieldCheck aria-hidden className="size-4" />
      Verify chain
    </Button>
  );
}

export function VerifyResult({ verify }: { verify: ReturnType<typeof useVerify> }) {
  const { data, error, isFetching } = verify;
  if (isFetching) return <>Every entry is checked against the one before it.</>;
  if (error) return <span className="text-bad-text">{failureOf(error).message}</span>;
  if (!data) {
    return <>Every change by people, scripts and automation. Each entry seals the one before it.</>;
  }
  const took = formatDuration(data.tookMs / 1000);
  return data.ok ? (
    <span className="flex flex-wrap items-center gap-2" role="status">
      <StatusBadge kind="ok" word="Chain is whole" />
      {formatNumber(data.checked)} entries checked in {took}
      {data.head ? (
        <>
          , head <code className="font-mono text-12">{data.head.slice(0, 12)}</code>
        </>
      ) : null}
    </span>
  ) : (
    <span className="flex flex-wrap items-center gap-2" role="alert">
      <StatusBadge kind="bad" word="Chain is broken" />
      Entry {data.seq} does not follow from the one before it: {data.reason}
    </span>
  );
}
