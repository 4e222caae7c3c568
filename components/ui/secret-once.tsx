'use client';

import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { CopyButton } from './copy-button.tsx';
import { Dialog } from './dialog.tsx';

/** Closes only on purpose: afterwards nobody can see the secret again. */
export function SecretOnce(props: {
  title: string;
  description: ReactNode;
  secret: string;
  /** What it is, e.g. `key`. */
  what: string;
  testId: string;
  children?: ReactNode;
  onClose(): void;
}) {
  const { title, description, secret, what, testId, children, onClose } = props;
  return (
    <Dialog open sticky title={title} description={description} onOpenChange={() => undefined}>
      <p
        data-testid={testId}
        className="mb-4 break-all rounded-control border bg-raised px-3 py-2 font-mono text-12"
      >
        {secret}
      </p>
      {children}
      <div className="flex justify-end gap-2">
        <CopyButton value={secret} what={what} label={`Copy ${what}`} />
        <Button look="primary" onClick={onClose}>
          I stored it
        </Button>
      </div>
    </Dialog>
  );
}
