'use client';

import { Button } from '../../../../components/ui/button.tsx';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';

/** Closes only on purpose: afterwards nobody can see the secret again. */
export function SecretOnce(props: { name: string; secret: string; onClose(): void }) {
  return (
    <Dialog
      open
      sticky
      title={`Signing secret of ${props.name}`}
      description="The receiver checks the header webhook-signature with it, as the Standard Webhooks specification says. It is shown once."
      onOpenChange={() => undefined}
    >
      <p
        data-testid="webhook-secret"
        className="mb-4 break-all rounded-control border bg-raised px-3 py-2 font-mono text-12"
      >
        {props.secret}
      </p>
      <div className="flex justify-end gap-2">
        <CopyButton value={props.secret} what="secret" label="Copy secret" />
        <Button look="primary" onClick={props.onClose}>
          I stored it
        </Button>
      </div>
    </Dialog>
  );
}
