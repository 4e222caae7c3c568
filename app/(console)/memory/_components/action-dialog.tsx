'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { formatDuration } from '../../../../components/format/duration.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import { PROFILE_SECONDS_MAX, type ProcessItem } from '../../../../server/memory/contract.ts';
import type { MemoryAction } from './process-columns.tsx';

type Props = { action: MemoryAction; process: ProcessItem; onClose(): void };
type One = Omit<Props, 'action'>;
// Measured: 44 ms a MiB of plain objects, 180 ms a MiB of many small ones.
const pauseOf = (bytes: number, msPerMib: number) =>
  formatDuration(Math.max(0.1, Math.round((bytes / 1024 / 1024) * msPerMib) / 1000));

const done = (text: string, onClose: () => void) => async () => {
  await queryClient.invalidateQueries({ queryKey: trpc.memory.pathKey() });
  toast('ok', text);
  onClose();
};
const nameOf = ({ name, instance }: ProcessItem) => `${name} on ${instance}`;

function ProfileDialog({ process, onClose }: One) {
  const [text, setText] = useState('30');
  const seconds = Number(text);
  const fine = Number.isInteger(seconds) && seconds >= 1 && seconds <= PROFILE_SECONDS_MAX;
  const run = useMutation(
    trpc.memory.profile.mutationOptions({
      onSuccess: done('Allocations will be watched.', onClose),
    }),
  );
  return (
    <Confirm
      title={`Watch allocations of ${nameOf(process)}`}
      consequence="Names the functions that allocated what is still alive, and the classes that gained objects. It costs a few percent of CPU meanwhile, and two short pauses while objects are counted. It begins with the next report."
      verb="Watch allocations"
      busy={run.isPending}
      error={run.error}
      onConfirm={() => {
        if (fine) run.mutate({ process: process.id, seconds });
      }}
      onClose={onClose}
    >
      <div className="mb-5">
        <Field
          label="For how many seconds"
          error={fine ? undefined : `A whole number from 1 to ${PROFILE_SECONDS_MAX}`}
          help="What grows slowly needs longer to be seen."
        >
          {(control) => (
            <Input
              {...control}
              inputMode="numeric"
              value={text}
              onChange={({ target }) => setText(target.value)}
            />
          )}
        </Field>
      </div>
    </Confirm>
  );
}

function Reasoned(
  props: One & {
    title: string;
    consequence: string;
    verb: string;
    busy: boolean;
    error: unknown;
    onConfirm(reason: string): void;
  },
) {
  const { title, consequence, verb, busy, error, onConfirm, onClose } = props;
  const [reason, setReason] = useState('');
  const [asked, setAsked] = useState(false);
  const missing = asked && reason.trim() === '';
  const failure = error ? failureOf(error) : null;
  return (
    <Confirm
      title={title}
      consequence={consequence}
      verb={verb}
      danger
      busy={busy}
      error={failure ? error : null}
      onConfirm={() => {
        setAsked(true);
        if (reason.trim() !== '') onConfirm(reason.trim());
      }}
      onClose={onClose}
    >
      <div className="mb-5">
        <Field
          label="Reason"
          help="It is kept in the audit."
          error={missing ? 'Say why; it is kept in the audit' : undefined}
        >
          {(control) => (
            <Input
              {...control}
              maxLength={500}
              value={reason}
              onChange={({ target }) => setReason(target.value)}
            />
          )}
        </Field>
      </div>
    </Confirm>
  );
}

function SnapshotDialog({ process, onClose }: One) {
  const run = useMutation(
    trpc.memory.snapshot.mutationOptions({
      onSuccess: done('A snapshot will be taken.', onClose),
    }),
  );
  const { heapBytes, freeBytes } = process;
  return (
    <Reasoned
      process={process}
      title={`Take a heap snapshot of ${nameOf(process)}`}
      consequence={`The process stands still for about ${pauseOf(heapBytes, 44)} to ${pauseOf(heapBytes, 180)} and needs many times its heap: ${formatBytes(16 * heapBytes)} must be free, ${formatBytes(freeBytes)} are.${process.kind === 'console' ? ' It leaves the load balancer first.' : ''} The file is counted by another process and deleted. One a day of each program, one at a time.`}
      verb="Take snapshot"
      busy={run.isPending}
      error={run.error}
      onConfirm={(reason) => run.mutate({ process: process.id, reason })}
      onClose={onClose}
    />
  );
}

function RestartDialog({ process, onClose }: One) {
  const run = useMutation(
    trpc.memory.restart.mutationOptions({
      onSuccess: done('The process restarts with its next report.', onClose),
    }),
  );
  return (
    <Reasoned
      process={process}
      title={`Restart ${nameOf(process)}`}
      consequence="It leaves the load balancer, finishes open requests, ends, and is started again. With one replica the console is away for some seconds, and this page with it. Once an hour at most."
      verb="Restart"
      busy={run.isPending}
      error={run.error}
      onConfirm={(reason) => run.mutate({ process: process.id, reason })}
      onClose={onClose}
    />
  );
}

export default function ActionDialog({ action, ...rest }: Props) {
  if (action === 'profile') return <ProfileDialog {...rest} />;
  return action === 'snapshot' ? <SnapshotDialog {...rest} /> : <RestartDialog {...rest} />;
}
