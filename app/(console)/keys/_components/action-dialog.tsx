'use client';

import { useMutation } from '@tanstack/react-query';
import Link from 'next/link';
import { useState } from 'react';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { count } from '../../../../components/format/number.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { Button, buttonClass } from '../../../../components/ui/button.tsx';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Dialog } from '../../../../components/ui/dialog.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input, Select } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import { GRACE_DAYS, type KeyItem } from '../../../../server/keys/contract.ts';
import { KeyOnce } from './key-once.tsx';
import { detailHref, type KeyAction, oldOf } from './words.tsx';

type One = { item: KeyItem; onClose(): void };
const refresh = () => queryClient.invalidateQueries({ queryKey: trpc.keys.pathKey() });
const graces = [0, 1, 3, 7, 14, 30, 90];

function Rotate({ item, onClose }: One) {
  const [graceDays, setGraceDays] = useState(GRACE_DAYS);
  const rotate = useMutation(trpc.keys.rotate.mutationOptions({ onSuccess: refresh }));
  if (rotate.data) {
    const { key, version } = rotate.data;
    return <KeyOnce name={item.name} secret={key} version={version} onClose={onClose} />;
  }
  const old = oldOf(item);
  const newest = item.versions[0]?.version ?? 0;
  if (old)
    return (
      <Dialog
        open
        title={`Rotate ${item.name}`}
        description={
          <>
            Versions {newest} and {old.version} are both accepted, and no more than two may be. End
            version {old.version} first
            {old.graceEndsAt ? (
              <>
                ; by itself it ends <RelativeTime at={old.graceEndsAt} />
              </>
            ) : null}
            .
          </>
        }
        onOpenChange={onClose}
      >
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Keep as it is</Button>
          <Link href={detailHref(item.id)} onClick={onClose} className={buttonClass('primary')}>
            See who uses version {old.version}
          </Link>
        </div>
      </Dialog>
    );
  return (
    <Confirm
      title={`Rotate ${item.name}`}
      consequence={`Version ${newest + 1} is made and shown once. Version ${newest} is accepted meanwhile, so nothing stops; the page of the key shows who still uses it.`}
      verb={`Make version ${newest + 1}`}
      busy={rotate.isPending}
      error={rotate.error}
      onConfirm={() => rotate.mutate({ id: item.id, graceDays })}
      onClose={onClose}
    >
      <div className="mb-4">
        <Field label={`Version ${newest} is accepted for`}>
          {(control) => (
            <Select
              {...control}
              value={graceDays}
              onChange={({ target }) => setGraceDays(Number(target.value))}
            >
              {graces.map((days) => (
                <option key={days} value={days}>
                  {days === 0 ? 'no longer: it ends at once' : `${count(days, 'day')} more`}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
    </Confirm>
  );
}

function Revoke({ item, onClose }: One) {
  const [reason, setReason] = useState('');
  const revoke = useMutation(
    trpc.keys.revoke.mutationOptions({
      onSuccess: async () => {
        await refresh();
        toast('ok', `${item.name} is revoked.`);
        onClose();
      },
    }),
  );
  return (
    <Confirm
      title={`Revoke ${item.name}`}
      consequence={
        <>
          All its versions are refused on every replica within a second
          {item.lastUsedAt ? (
            <>
              ; it was last used <RelativeTime at={item.lastUsedAt} />
            </>
          ) : (
            '; it was never used'
          )}
          . This cannot be undone.
        </>
      }
      verb="Revoke key"
      danger
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate({ id: item.id, ...(reason.trim() ? { reason } : {}) })}
      onClose={onClose}
    >
      <div className="mb-4">
        <Field label="Reason" help="Stands in the audit log.">
          {(control) => (
            <Input
              {...control}
              value={reason}
              maxLength={500}
              autoComplete="off"
              onChange={({ target }) => setReason(target.value)}
            />
          )}
        </Field>
      </div>
    </Confirm>
  );
}

export default function ActionDialog(props: One & { action: Exclude<KeyAction, 'edit'> }) {
  const { action, ...rest } = props;
  return action === 'rotate' ? <Rotate {...rest} /> : <Revoke {...rest} />;
}
