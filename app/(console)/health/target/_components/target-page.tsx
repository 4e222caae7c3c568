'use client';

import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { PageSkeleton } from '../../../../../components/data/page-skeleton.tsx';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StaleNote } from '../../../../../components/data/stale-note.tsx';
import { StateBadge } from '../../../../../components/data/state-badge.tsx';
import { useMe } from '../../../../../components/shell/use-me.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { allows } from '../../../../../components/trpc/role.ts';
import { buttonClass } from '../../../../../components/ui/button.tsx';
import type { TargetDetail } from '../../../../../server/health/contract.ts';
import { kindWord } from '../../_components/columns.tsx';
import { Actions } from './actions.tsx';
import { Checks } from './checks.tsx';
import { Course } from './course.tsx';
import { Healing } from './healing.tsx';
import { Notices } from './notices.tsx';
import { Related } from './related.tsx';
import { useTarget } from './use-target.ts';

const TargetForm = dynamic(() => import('../../_components/target-form.tsx'), { ssr: false });
const BulkDialog = dynamic(() => import('../../_components/bulk-dialog.tsx'), { ssr: false });

function State({ target }: { target: TargetDetail }) {
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <StateBadge state={target.state} paused={target.paused} />
      <span>
        since <RelativeTime at={target.since} />
      </span>
      <span className="text-faint">·</span>
      <span>{kindWord(target.kind)}</span>
      {target.address ? (
        <code className="break-all font-mono text-12">{target.address}</code>
      ) : null}
    </span>
  );
}

export function TargetPage() {
  const { id, target: query, healing, runs } = useTarget();
  const router = useRouter();
  const me = useMe();
  const [editing, setEditing] = useState(false);
  const [doing, setDoing] = useState<'pause' | 'resume' | 'maintenance' | 'remove' | null>(null);
  const mayAct = me !== undefined && me !== null && allows(me.role, 'operator');
  const { data: target } = query;
  if (id === '' || (query.isError && failureOf(query.error).status === 404)) {
    return (
      <>
        <PageHeader title="Target" state="" />
        <EmptyState
          title="There is no such target"
          why="It may have been removed. The audit log says by whom."
          action={
            <Link href="/health" className={buttonClass('secondary')}>
              All targets
            </Link>
          }
        />
      </>
    );
  }
  if (query.isError && !target) {
    return (
      <>
        <PageHeader title="Target" state="" />
        <ErrorPanel what="The target" error={query.error} onRetry={() => query.refetch()} />
      </>
    );
  }
  if (!target) return <PageSkeleton title="Target" />;
  return (
    <>
      <PageHeader
        title={target.name}
        state={<State target={target} />}
        action={
          mayAct ? <Actions target={target} edit={() => setEditing(true)} act={setDoing} /> : null
        }
      />
      {query.isError ? <StaleNote at={query.dataUpdatedAt} /> : null}
      <Notices target={target} mayAct={mayAct} />
      <Course target={target} />
      <div className="mt-6 grid items-start gap-6 xl:grid-cols-2">
        <Healing target={target} view={healing.data} runs={runs.data?.items} mayAct={mayAct} />
        <Related target={target} />
      </div>
      <Checks id={target.id} />
      {editing ? (
        <TargetForm
          target={target}
          onClose={() => setEditing(false)}
          onSaved={() => setEditing(false)}
        />
      ) : null}
      {doing ? (
        <BulkDialog
          action={doing}
          targets={[target]}
          onClose={() => setDoing(null)}
          onDone={() => {
            setDoing(null);
            if (doing === 'remove') router.push('/health');
          }}
        />
      ) : null}
    </>
  );
}
