'use client';

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, queryClient, trpc } from '../../../../../components/trpc/client.ts';
import { Confirm } from '../../../../../components/ui/confirm.tsx';
import { Field } from '../../../../../components/ui/field.tsx';
import { Textarea } from '../../../../../components/ui/input.tsx';
import type { IncidentDetail } from '../../../../../server/incidents/contract.ts';
import type { IncidentAction } from './incident-page.tsx';

/** Acknowledge, resolve, or add a note. */
export default function ActionDialog(props: {
  action: IncidentAction;
  incident: IncidentDetail;
  onClose(): void;
}) {
  const { action, incident, onClose } = props;
  const [note, setNote] = useState('');
  const { id } = incident;
  const run = useMutation({
    mutationFn: async () => {
      if (action === 'acknowledge') await api.incidents.acknowledge.mutate({ id });
      else if (action === 'resolve') await api.incidents.resolve.mutate({ id, note });
      else await api.incidents.note.mutate({ id, note });
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: trpc.incidents.pathKey() });
      onClose();
    },
  });
  const down = incident.targets.some(({ recovered }) => !recovered);
  const texts = {
    acknowledge: {
      title: 'Acknowledge',
      consequence: 'Says that you are on it. Reminders stop; the incident stays open.',
      verb: 'Acknowledge',
    },
    resolve: {
      title: `Resolve ${incident.title}`,
      consequence: down
        ? 'A target is still down. The incident closes and people are told; it does not open again for this outage.'
        : 'The incident closes and people are told.',
      verb: 'Resolve',
    },
    note: {
      title: 'Add a note',
      consequence: 'Stands in the timeline with your name.',
      verb: 'Add note',
    },
  }[action];
  return (
    <Confirm
      {...texts}
      busy={run.isPending}
      error={run.error}
      onConfirm={() => run.mutate()}
      onClose={onClose}
    >
      {action === 'acknowledge' ? null : (
        <div className="mb-5">
          <Field label="Note">
            {(control) => (
              <Textarea
                {...control}
                value={note}
                rows={3}
                maxLength={4_000}
                onChange={(event) => setNote(event.target.value)}
              />
            )}
          </Field>
        </div>
      )}
    </Confirm>
  );
}
