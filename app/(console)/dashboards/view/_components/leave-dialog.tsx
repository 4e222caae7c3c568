'use client';

import { useRouter } from 'next/navigation';
import { Button } from '../../../../../components/ui/button.tsx';
import { Dialog } from '../../../../../components/ui/dialog.tsx';

/** Before a link is followed away from what is not saved. */
export default function LeaveDialog(props: { href: string; onLeave(): void; onStay(): void }) {
  const { href, onLeave, onStay } = props;
  const router = useRouter();
  return (
    <Dialog
      open
      title="Leave without saving"
      description="The arrangement of this dashboard was changed and is not saved. It would be lost."
      onOpenChange={onStay}
    >
      <div className="flex justify-end gap-2">
        <Button onClick={onStay}>Stay here</Button>
        <Button
          look="danger"
          onClick={() => {
            onLeave();
            onStay();
            router.push(href);
          }}
        >
          Drop the changes
        </Button>
      </div>
    </Dialog>
  );
}
