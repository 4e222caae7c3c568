'use client';

import { formatInstant } from '../../../../components/format/time.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import type { Invitation } from '../../../../server/users/contract.ts';

/** Closes only on purpose: afterwards nobody can see the link again. */
export function OneTimeLink(props: { invitation: Invitation; email: string; onClose(): void }) {
  const { url, expiresAt } = props.invitation;
  return (
    <Dialog
      open
      sticky
      title="Send this link"
      description={`Only ${props.email} should get it. It is shown once, works once, and ends ${formatInstant(expiresAt)}.`}
      onOpenChange={() => undefined}
    >
      <p
        data-testid="invite-link"
        className="mb-4 break-all rounded-control border bg-raised px-3 py-2 font-mono text-12"
      >
        {url}
      </p>
      <div className="flex justify-end gap-2">
        <CopyButton value={url} what="link" label="Copy link" />
        <Button look="primary" onClick={props.onClose}>
          I stored it
        </Button>
      </div>
    </Dialog>
  );
}
