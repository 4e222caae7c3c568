'use client';

import type { ReactNode } from 'react';
import type { Failure } from '../trpc/errors.ts';
import { Button } from './button.tsx';

/** The end of a form in a sheet: what the server said, a warning before changes are dropped, and the two buttons. */
export function FormEnd(props: {
  verb: string;
  busy: boolean;
  /** Of the whole; what belongs to a field stands there. */
  failure: Failure | null;
  /** Somebody was about to leave with unsaved changes. */
  asked: boolean;
  onCancel(): void;
  /** Something else that can be done, at the left. */
  aside?: ReactNode;
}) {
  const { verb, busy, failure, asked, onCancel, aside } = props;
  return (
    <>
      {failure && failure.fields.length === 0 ? (
        <p role="alert" className="text-13 text-bad-text">
          {failure.message}
        </p>
      ) : null}
      {asked ? (
        <p role="alert" className="text-13 text-warn-text">
          There are unsaved changes. Cancel again to drop them.
        </p>
      ) : null}
      <div className="sticky bottom-[-16px] -mx-5 -mb-4 flex flex-wrap justify-end gap-2 border-t bg-surface px-5 py-3">
        {aside}
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          {verb}
        </Button>
      </div>
    </>
  );
}
