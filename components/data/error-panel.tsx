'use client';

import { CircleAlert } from 'lucide-react';
import { failureOf } from '../trpc/errors.ts';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { NoPermission } from './no-permission.tsx';

/** What failed in one sentence, the request id to copy, and another try. */
export function ErrorPanel(props: { what: string; error: unknown; onRetry?: () => void }) {
  const { message, requestId, status } = failureOf(props.error);
  if (status === 403) return <NoPermission message={message} />;
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center gap-x-4 gap-y-3 rounded-card border border-line-strong bg-surface px-4 py-3"
    >
      <CircleAlert aria-hidden className="size-5 shrink-0 text-bad-text" />
      <div className="min-w-[220px] flex-1">
        <p className="font-medium text-13">{props.what} could not be loaded.</p>
        <p className="text-13 text-muted">{message}</p>
        {requestId ? (
          <p className="mt-1 flex items-center gap-1 text-12 text-muted">
            Request <code className="font-mono">{requestId}</code>
            <CopyButton value={requestId} what="request id" />
          </p>
        ) : null}
      </div>
      {props.onRetry ? <Button onClick={props.onRetry}>Retry</Button> : null}
    </div>
  );
}
