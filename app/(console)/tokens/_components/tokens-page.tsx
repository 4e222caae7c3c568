'use client';

import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import { parseAsStringLiteral, useQueryState } from 'nuqs';
import { useCallback, useState } from 'react';
import { PageHeader } from '../../../../components/data/page-header.tsx';
import { RoleGate } from '../../../../components/data/role-gate.tsx';
import { count } from '../../../../components/format/number.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import { Tabs } from '../../../../components/ui/tabs.tsx';
import { RevocationList } from './revocation-list.tsx';
import type { Target } from './revoke-dialog.tsx';
import { TokenList } from './token-list.tsx';
import { useSigningKeys, useTokens } from './use-tokens.ts';

const IssueDialog = dynamic(() => import('./issue-dialog.tsx'), { ssr: false });
const RevokeDialog = dynamic(() => import('./revoke-dialog.tsx'), { ssr: false });
const KeyList = dynamic(() => import('./key-list.tsx'), { ssr: false });

const tabs = ['tokens', 'revocations', 'keys'] as const;
const tabWords = { tokens: 'Issued', revocations: 'Revocations', keys: 'Signing keys' } as const;

function State() {
  const { data, isError } = useSigningKeys();
  if (isError && !data) return null;
  if (!data) return <Skeleton className="h-4 w-64" />;
  const active = data.keys.reduce((sum, { activeTokens }) => sum + activeTokens, 0);
  return (
    <>
      {count(active, 'active token')}, signed with Ed25519 and refused everywhere within a second of
      being revoked.
    </>
  );
}

function Tokens() {
  const [tab, setTab] = useQueryState(
    'tab',
    parseAsStringLiteral(tabs).withDefault('tokens').withOptions({ history: 'push' }),
  );
  const list = useTokens();
  const [issuing, setIssuing] = useState(false);
  const [target, setTarget] = useState<Target | null>(null);
  const issue = useCallback(() => setIssuing(true), []);
  return (
    <>
      <PageHeader
        title="Tokens"
        state={<State />}
        action={
          <Button look="primary" onClick={issue}>
            <Plus aria-hidden className="size-4" />
            Issue a token
          </Button>
        }
      />
      <Tabs tabs={tabs} words={tabWords} tab={tab} onTab={(next) => void setTab(next)} />
      {tab === 'tokens' ? <TokenList list={list} onIssue={issue} revoke={setTarget} /> : null}
      {tab === 'revocations' ? <RevocationList /> : null}
      {tab === 'keys' ? <KeyList revoke={setTarget} /> : null}
      {issuing ? <IssueDialog onClose={() => setIssuing(false)} /> : null}
      {target ? <RevokeDialog target={target} onClose={() => setTarget(null)} /> : null}
    </>
  );
}

export function TokensPage() {
  return (
    <RoleGate title="Tokens" needs="admin">
      <Tokens />
    </RoleGate>
  );
}
