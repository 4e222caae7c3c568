'use client';

import dynamic from 'next/dynamic';
import { useState } from 'react';
import type { AdviceItem } from '../../server/queries/contract.ts';
import { useAllowed } from '../shell/use-me.ts';
import { Button } from '../ui/button.tsx';

const AdviceDialog = dynamic(() => import('./advice-dialog.tsx'), { ssr: false });

export type AdviceAction =
  | 'approve'
  | 'markApplied'
  | 'dismiss'
  | 'cancel'
  | 'keep'
  | 'drop'
  | 'reopen';

/** What can be done with it now, the likeliest first. */
function actionsOf(item: AdviceItem): AdviceAction[] {
  const { state, advice, applicable } = item;
  if (advice.kind === 'none') return state === 'dismissed' ? ['reopen'] : [];
  switch (state) {
    case 'open':
    case 'failed':
      return [...(applicable === 'yes' ? (['approve'] as const) : []), 'markApplied', 'dismiss'];
    case 'approved':
    case 'applying':
      return item.cancelled ? [] : ['cancel'];
    case 'verifying':
      return item.proposal === 'drop' ? ['drop', 'keep'] : ['keep', 'drop'];
    case 'dismissed':
    case 'dropped':
      return ['reopen'];
    default:
      return [];
  }
}

const verbs: Readonly<Record<AdviceAction, string>> = {
  approve: 'Approve',
  markApplied: 'I did it myself',
  dismiss: 'Dismiss',
  cancel: 'Cancel',
  keep: 'Keep',
  drop: 'Take back',
  reopen: 'Open again',
};

export function AdviceActions({ item }: { item: AdviceItem }) {
  const operator = useAllowed('operator');
  const [doing, setDoing] = useState<AdviceAction | null>(null);
  const actions = actionsOf(item);
  if (operator === false)
    return (
      <p className="text-12 text-muted">To approve or dismiss advice needs the role operator.</p>
    );
  return (
    <>
      {item.applicable === 'no role' && (item.state === 'open' || item.state === 'failed') ? (
        <p className="text-13 text-muted">
          The console knows no role that may change this database. Give one under Databases, or run
          the statement yourself and say so: it is compared all the same.
        </p>
      ) : null}
      {actions.length > 0 ? (
        <div className="flex flex-wrap gap-2">
          {actions.map((action, n) => (
            <Button
              key={action}
              look={n === 0 && action !== 'dismiss' ? 'primary' : 'secondary'}
              onClick={() => setDoing(action)}
            >
              {verbs[action]}
            </Button>
          ))}
        </div>
      ) : null}
      {doing ? <AdviceDialog item={item} action={doing} onClose={() => setDoing(null)} /> : null}
    </>
  );
}
