'use client';

import { useMutation } from '@tanstack/react-query';
import dynamic from 'next/dynamic';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { api } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { ForecastDetail } from '../../../../../server/forecasts/contract.ts';
import { refreshForecasts } from '../../_components/use-forecasts.ts';

const ForecastDialog = dynamic(() => import('../../_components/forecast-dialog.tsx'), {
  ssr: false,
});
const Confirm = dynamic(
  () => import('../../../../../components/ui/confirm.tsx').then((m) => m.Confirm),
  { ssr: false },
);

/** What an operator may do with a forecast. */
export function Actions({ forecast }: { forecast: ForecastDetail }) {
  const router = useRouter();
  const { id, name, paused, builtIn } = forecast;
  const [open, setOpen] = useState<'edit' | 'remove' | null>(null);
  const say = (error: unknown) => toast('bad', failureOf(error).message);
  const again = useMutation({
    mutationFn: () => api.forecasts.refresh.mutate({ id }),
    onSuccess: () => toast('ok', 'It is made again within seconds.'),
    onError: say,
  });
  const pause = useMutation({
    mutationFn: () => api.forecasts.update.mutate({ id, paused: !paused }),
    onSuccess: async () => {
      await refreshForecasts();
      toast('ok', paused ? `${name} goes on.` : `${name} is paused.`);
    },
    onError: say,
  });
  const remove = useMutation({
    mutationFn: () => api.forecasts.remove.mutate({ id }),
    onSuccess: async () => {
      await refreshForecasts();
      toast('ok', `${name} is removed.`);
      router.push('/forecasts');
    },
  });
  return (
    <>
      {paused ? null : (
        <Button busy={again.isPending} onClick={() => again.mutate()}>
          Make again
        </Button>
      )}
      <Button busy={pause.isPending} onClick={() => pause.mutate()}>
        {paused ? 'Resume' : 'Pause'}
      </Button>
      <Button onClick={() => setOpen('edit')}>Edit</Button>
      {builtIn ? null : <Button onClick={() => setOpen('remove')}>Remove</Button>}
      {open === 'edit' ? (
        <ForecastDialog forecast={forecast} onClose={() => setOpen(null)} />
      ) : open === 'remove' ? (
        <Confirm
          title={`Remove ${name}`}
          consequence="It is not made any more, and what it said before goes with it. The series itself stays."
          verb="Remove forecast"
          danger
          busy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setOpen(null)}
        />
      ) : null}
    </>
  );
}
