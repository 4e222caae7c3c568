'use client';

import { Pause, Play, Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { count } from '../../../../components/format/number.ts';
import { useMe } from '../../../../components/shell/use-me.ts';
import { allows } from '../../../../components/trpc/role.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { HealthCounts } from '../../../../server/health/contract.ts';
import { TargetList } from './target-list.tsx';
import { useFleet } from './use-fleet.ts';
import { useTargets } from './use-targets.ts';

const TargetForm = dynamic(() => import('./target-form.tsx'), { ssr: false });
const FreezeDialog = dynamic(() => import('./freeze-dialog.tsx'), { ssr: false });

/** "2 of 214 targets down, 1 healing". */
function State({ counts }: { counts: HealthCounts | undefined }) {
  if (!counts) return <Skeleton className="h-4 w-56" />;
  if (counts.total === 0) return <>Nothing is watched yet.</>;
  const parts = [
    counts.down > 0 ? `${counts.down} of ${count(counts.total, 'target')} down` : '',
    counts.degraded > 0 ? `${counts.degraded} degraded` : '',
    counts.healing > 0 ? `${counts.healing} healing` : '',
    counts.waiting > 0 ? `${count(counts.waiting, 'remedy', 'remedies')} to approve` : '',
    counts.maintenance > 0 ? `${counts.maintenance} in maintenance` : '',
  ].filter(Boolean);
  if (counts.down === 0 && counts.degraded === 0) {
    const rest = counts.healthy < counts.total ? `${counts.healthy} of ` : 'All ';
    return (
      <>
        {rest}
        {count(counts.total, 'target')} healthy
        {parts.length > 0 ? `, ${parts.join(', ')}` : ''}.
      </>
    );
  }
  return <>{parts.join(', ')}.</>;
}

export function HealthPage() {
  const list = useTargets();
  const router = useRouter();
  const me = useMe();
  const { control } = useFleet();
  const [adding, setAdding] = useState(false);
  const [freezing, setFreezing] = useState(false);
  const mayAct = me !== undefined && me !== null && allows(me.role, 'operator');
  return (
    <>
      <PageHeader
        title="Health"
        state={<State counts={list.counts} />}
        action={
          mayAct ? (
            <>
              <Button onClick={() => setFreezing(true)}>
                {control?.frozen ? (
                  <Play aria-hidden className="size-4" />
                ) : (
                  <Pause aria-hidden className="size-4" />
                )}
                {control?.frozen ? 'Resume healing' : 'Pause healing'}
              </Button>
              <Button look="primary" onClick={() => setAdding(true)}>
                <Plus aria-hidden className="size-4" />
                Add target
              </Button>
            </>
          ) : null
        }
      />
      <TargetList
        list={list}
        mayAct={mayAct}
        onAdd={() => setAdding(true)}
        onOpen={({ id }) => router.push(`/health/target?id=${id}`)}
      />
      {adding ? (
        <TargetForm
          target={null}
          onClose={() => setAdding(false)}
          onSaved={(id) => {
            setAdding(false);
            router.push(`/health/target?id=${id}`);
          }}
        />
      ) : null}
      {freezing ? (
        <FreezeDialog frozen={control?.frozen ?? false} onClose={() => setFreezing(false)} />
      ) : null}
    </>
  );
}
