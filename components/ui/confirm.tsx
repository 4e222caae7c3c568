'use client';

import type { ReactNode } from 'react';
import { failureOf } from '../trpc/errors.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

/** Names the object and the consequence; the button says the verb. */
export function Confirm(props: {
  title: string;
  consequence: ReactNode;
  verb: string;
  danger?: boolean;
  busy: boolean;
  error: unknown;
  onConfirm(): void;
  onClose(): void;
  children?: ReactNode;
}) {
  return (
    <Dialog open title={props.title} description={props.consequence} onOpenChange={props.onClose}>
      {props.children}
      {props.error ? (
        <p role="alert" className="mb-3 text-13 text-bad-text">
          {failureOf(props.error).message}
        </p>
      ) : null}
      <div className="flex justify-end gap-2">
        <Button onClick={props.onClose}>Keep as it is</Button>
        <Button
          look={props.danger ? 'danger' : 'primary'}
          busy={props.busy}
          onClick={props.onConfirm}
        >
          {props.verb}
        </Button>
      </div>
    </Dialog>
  );
}
