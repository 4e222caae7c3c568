'use client';

import { Button } from '../../../../components/ui/button.tsx';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';

/** The address that a job calls; its token is shown this one time. */
export function HeartbeatAddress(props: { name: string; path: string; onClose(): void }) {
  const url = `${location.origin}${props.path}`;
  const snippet = `curl -fsS -m 10 --retry 3 -X POST ${url}`;
  return (
    <Dialog
      open
      sticky
      title={`Heartbeat of ${props.name}`}
      description="The address is shown this one time. Call it at the end of the job; call it with /fail when the job went wrong."
      onOpenChange={props.onClose}
    >
      <div className="mb-5 flex items-start gap-2 rounded-control border bg-raised p-3">
        <code className="min-w-0 flex-1 break-all font-mono text-12">{snippet}</code>
        <CopyButton value={snippet} what="command" />
      </div>
      <div className="flex justify-end">
        <Button look="primary" onClick={props.onClose}>
          I stored it
        </Button>
      </div>
    </Dialog>
  );
}
