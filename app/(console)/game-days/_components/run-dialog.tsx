'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { count } from '../../../../components/format/number.ts';
import { queryClient, trpc } from '../../../../components/trpc/client.ts';
import { failureOf } from '../../../../components/trpc/errors.ts';
import { Confirm } from '../../../../components/ui/confirm.tsx';
import { Field } from '../../../../components/ui/field.tsx';
import { Input } from '../../../../components/ui/input.tsx';
import { toast } from '../../../../components/ui/toast.tsx';
import {
  DEFAULT_LATENCY_MS,
  type Fault,
  type FleetService,
  LIMIT_MS,
  runSchema,
} from '../../../../server/gamedays/contract.ts';
import { faultWords } from './words.ts';

type RunDialogProps = {
  service: FleetService;
  fault: Fault;
  /** Services that call it. */
  dependants: readonly string[];
  onClose(): void;
};

/** Names what will happen before it does. */
export default function RunDialog({ service, fault, dependants, onClose }: RunDialogProps) {
  const { name } = service;
  const words = faultWords[fault];
  const [latency, setLatency] = useState(String(DEFAULT_LATENCY_MS));
  const input = {
    service: name,
    fault,
    ...(fault === 'latency' ? { latencyMs: Number(latency || Number.NaN) } : {}),
  };
  const checked = runSchema.safeParse(input);
  const run = useMutation(
    trpc.gamedays.run.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.gamedays.pathKey() });
        toast('ok', `The game day of ${name} runs.`);
        onClose();
      },
    }),
  );
  const failure = run.error ? failureOf(run.error) : null;
  const latencyFault =
    failure?.fields.find(({ path }) => path === 'latencyMs')?.message ??
    checked.error?.issues.find(({ path }) => path[0] === 'latencyMs')?.message;
  const affected = dependants.length > 0 ? ` ${dependants.join(' and ')} will feel it.` : '';
  return (
    <Confirm
      title={words.verb(name)}
      consequence={`${words.does}${affected} Alerts, an incident and the remedy follow as they would in earnest. After ${count(LIMIT_MS / 60_000, 'minute')} at the latest the fault is taken out.`}
      verb={words.verb(name)}
      danger
      busy={run.isPending}
      error={failure && failure.fields.length === 0 ? run.error : null}
      onConfirm={() => {
        if (checked.success) run.mutate(checked.data);
      }}
      onClose={onClose}
    >
      {fault === 'latency' ? (
        <div className="mb-5">
          <Field
            label="Delay of each answer (ms)"
            error={latencyFault}
            help="The console waits 2000 ms for an answer of the fleet."
          >
            {(control) => (
              <Input
                {...control}
                value={latency}
                inputMode="numeric"
                onChange={({ target }) => {
                  run.reset();
                  setLatency(target.value);
                }}
              />
            )}
          </Field>
        </div>
      ) : null}
    </Confirm>
  );
}
