'use client';

import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { parseAsStringLiteral, useQueryState } from 'nuqs';
import { useState } from 'react';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RoleGate } from '../../../../components/data/role-gate.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { TableSkeleton } from '../../../../components/data/table-skeleton.tsx';
import { count } from '../../../../components/format/number.ts';
import { trpc } from '../../../../components/trpc/client.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { Tabs } from '../../../../components/ui/tabs.tsx';
import type { PolicyStatus, RuleItem } from '../../../../server/policies/contract.ts';
import type { RuleAction } from './rule-columns.tsx';
import { RuleList } from './rule-list.tsx';
import { defaultWords } from './words.ts';

const loading = () => <TableSkeleton />;
const MatrixView = dynamic(() => import('./matrix-view.tsx'), { ssr: false, loading });
const Denials = dynamic(() => import('./denials.tsx'), { ssr: false, loading });
const TryIt = dynamic(() => import('./try-it.tsx'), { ssr: false, loading });
const RuleSheet = dynamic(() => import('./rule-sheet.tsx'), { ssr: false });
const ActionDialog = dynamic(() => import('./action-dialog.tsx'), { ssr: false });
const DefaultDialog = dynamic(() => import('./default-dialog.tsx'), { ssr: false });

const tabs = ['rules', 'matrix', 'denials', 'try'] as const;
const tabWords = {
  rules: 'Rules',
  matrix: 'Who can do what',
  denials: 'Why was this denied',
  try: 'Try it',
} as const;

function State({ status }: { status: PolicyStatus | undefined }) {
  if (!status) return <Skeleton className="h-4 w-64" />;
  const { rules, enabled, deniedLastDay } = status;
  const off = rules - enabled;
  return (
    <>
      {rules === 0 ? 'No rule' : count(enabled, 'rule')}
      {off > 0 ? `, ${off} off` : ''}.{' '}
      {deniedLastDay > 0
        ? `${count(deniedLastDay, 'call was', 'calls were')} denied in the last 24 hours.`
        : 'Nothing was denied in the last 24 hours.'}
    </>
  );
}

function Default({ status, onChange }: { status: PolicyStatus; onChange(): void }) {
  const { defaultEffect, environment } = status;
  return (
    <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-card border bg-surface px-3.5 py-2.5 text-13">
      <StatusBadge
        kind={defaultEffect === 'allow' ? 'info' : 'warn'}
        word={`Default: ${defaultEffect}`}
      />
      <span className="min-w-0 flex-1 basis-64">
        {defaultWords[defaultEffect]} A deny wins over every allow. This installation is{' '}
        <span className="font-mono text-12">{environment}</span>.
      </span>
      <Button onClick={onChange}>Change default</Button>
    </div>
  );
}

function Policies() {
  const [tab, setTab] = useQueryState(
    'tab',
    parseAsStringLiteral(tabs).withDefault('rules').withOptions({ history: 'push' }),
  );
  const status = useQuery(trpc.policies.status.queryOptions());
  const [editing, setEditing] = useState<RuleItem | 'new' | null>(null);
  const [doing, setDoing] = useState<{ action: RuleAction; rule: RuleItem } | null>(null);
  const [settingDefault, setSettingDefault] = useState(false);
  const add = () => setEditing('new');
  return (
    <>
      <PageHeader
        title="Policies"
        state={status.isError && !status.data ? '' : <State status={status.data} />}
        action={
          <Button look="primary" onClick={add}>
            <Plus aria-hidden className="size-4" />
            Add rule
          </Button>
        }
      />
      {status.data ? (
        <Default status={status.data} onChange={() => setSettingDefault(true)} />
      ) : status.isError ? null : (
        <Skeleton className="mb-4 h-14 w-full" />
      )}
      <Tabs tabs={tabs} words={tabWords} tab={tab} onTab={(next) => void setTab(next)} />
      {tab === 'rules' ? (
        <RuleList
          defaultEffect={status.data?.defaultEffect}
          onAdd={add}
          act={(action, rule) =>
            action === 'edit' ? setEditing(rule) : setDoing({ action, rule })
          }
        />
      ) : null}
      {tab === 'matrix' ? <MatrixView /> : null}
      {tab === 'denials' ? <Denials /> : null}
      {tab === 'try' ? <TryIt /> : null}
      {editing ? (
        <RuleSheet rule={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />
      ) : null}
      {doing ? <ActionDialog {...doing} onClose={() => setDoing(null)} /> : null}
      {settingDefault && status.data ? (
        <DefaultDialog
          current={status.data.defaultEffect}
          onClose={() => setSettingDefault(false)}
        />
      ) : null}
    </>
  );
}

/** Who may call which tool in which scope, and why something was denied. */
export function PoliciesPage() {
  return (
    <RoleGate title="Policies" needs="admin">
      <Policies />
    </RoleGate>
  );
}
