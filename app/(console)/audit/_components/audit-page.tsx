'use client';

import dynamic from 'next/dynamic';
import { useEffect } from 'react';
import { EmptyState } from '../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../components/data/error-panel.tsx';
import { LazyTable } from '../../../../components/data/lazy-table.tsx';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RoleGate } from '../../../../components/data/role-gate.tsx';
import { StaleNote } from '../../../../components/data/stale-note.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import { auditColumns } from './columns.tsx';
import { Filters } from './filters.tsx';
import { useAudit, useOpenEntry } from './use-audit.ts';
import { useVerify, VerifyButton, VerifyResult } from './verify.tsx';

const EntrySheet = dynamic(() => import('./entry-sheet.tsx'), { ssr: false });

function Entries({
  audit,
  open,
}: {
  audit: ReturnType<typeof useAudit>;
  open: ReturnType<typeof useOpenEntry>;
}) {
  const { filters, setFilters, query, entries } = audit;
  if (query.isError && !entries) {
    return <ErrorPanel what="The audit log" error={query.error} onRetry={() => query.refetch()} />;
  }
  if (!entries) return <TableSkeleton />;
  return (
    <>
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <LazyTable
        label="Audit log"
        columns={auditColumns}
        rows={entries}
        rowId={(entry) => String(entry.seq)}
        onOpen={(entry) => void open.setSeq(entry.seq)}
        openId={open.seq === null ? null : String(open.seq)}
        more={
          query.hasNextPage
            ? { load: () => query.fetchNextPage(), busy: query.isFetchingNextPage }
            : null
        }
        toolbar={<Filters filters={filters} setFilters={setFilters} />}
      />
      {entries.length === 0 ? (
        <div className="mt-3">
          <EmptyState
            title="No entry fits"
            why="Every change is written down here with who made it. Take a filter away to see more."
          />
        </div>
      ) : null}
    </>
  );
}

function Audit() {
  const audit = useAudit();
  const open = useOpenEntry(audit.entries);
  const verify = useVerify();
  const close = () => void open.setSeq(null);
  const { missing, seq, setSeq } = open;
  useEffect(() => {
    if (!missing) return;
    toast('bad', `There is no entry ${seq}.`);
    void setSeq(null);
  }, [missing, seq, setSeq]);
  return (
    <>
      <PageHeader
        title="Audit"
        state={<VerifyResult verify={verify} />}
        action={<VerifyButton verify={verify} />}
      />
      <Entries audit={audit} open={open} />
      {open.entry ? <EntrySheet entry={open.entry} onClose={close} /> : null}
    </>
  );
}

export function AuditPage() {
  return (
    <RoleGate title="Audit" needs="admin">
      <Audit />
    </RoleGate>
  );
}
