'use client';

import { skipToken, useMutation, useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import dynamic from 'next/dynamic';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { parseAsBoolean, parseAsString, useQueryState } from 'nuqs';
import { useEffect, useState } from 'react';
import { ZoomTo } from '../../../../../components/charts/zoom.tsx';
import { EmptyState } from '../../../../../components/data/empty-state.tsx';
import { ErrorPanel } from '../../../../../components/data/error-panel.tsx';
import { PageHeader } from '../../../../../components/data/page-header.tsx';
import { count } from '../../../../../components/format/number.ts';
import { zoneName } from '../../../../../components/format/time.ts';
import { bottomOf } from '../../../../../components/metrics/new-panel.ts';
import { useMe } from '../../../../../components/shell/use-me.ts';
import { useStoreRange } from '../../../../../components/shell/use-store-range.ts';
import { api, queryClient, trpc } from '../../../../../components/trpc/client.ts';
import { failureOf } from '../../../../../components/trpc/errors.ts';
import { allows } from '../../../../../components/trpc/role.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../../components/ui/skeleton.tsx';
import { toast } from '../../../../../components/ui/toast.tsx';
import type { DashboardDetail, Panel } from '../../../../../server/dashboards/contract.ts';
import { Grid } from './grid.tsx';
import { settle } from './layout.ts';
import { type Arrangement, useArrangement } from './use-arrangement.ts';
import { useLeaveGuard } from './use-leave-guard.ts';

const PanelSheet = dynamic(() => import('./panel-sheet.tsx'), { ssr: false });
const LeaveDialog = dynamic(() => import('./leave-dialog.tsx'), { ssr: false });

function freshPanel(panels: readonly Panel[]): Panel {
  return {
    id: `p${Date.now().toString(36)}${panels.length}`,
    title: '',
    x: 0,
    y: bottomOf(panels),
    width: 6,
    height: 3,
    visual: 'line',
    unit: 'number',
    query: { metric: '', timeRange: '1h', groupBy: [], filters: [], aggregations: ['avg'] },
  };
}

/** Storing what was arranged; someone else may have been faster. */
function useSave(arrangement: Arrangement) {
  const router = useRouter();
  const { base, panels } = arrangement;
  const list = () => queryClient.invalidateQueries({ queryKey: trpc.dashboards.list.pathKey() });
  const save = useMutation({
    mutationFn: async () => {
      if (!base) throw new Error('nothing is edited');
      const { id, version } = base;
      return api.dashboards.update.mutate({ id, version, panels: [...panels] });
    },
    onSuccess: async ({ version }) => {
      if (!base) return;
      // What was stored is what is shown; asking for it again would only flash.
      queryClient.setQueryData(trpc.dashboards.get.queryKey({ id: base.id }), {
        ...base,
        version,
        panels: [...panels],
      });
      arrangement.end();
      toast('ok', `${base.name} is saved.`);
      await list();
    },
  });
  const copy = useMutation({
    mutationFn: () =>
      api.dashboards.create.mutate({
        name: `${base?.name.slice(0, 90) ?? 'Dashboard'} (copy)`,
        panels: [...panels],
      }),
    onSuccess: async ({ id }) => {
      arrangement.end();
      await list();
      router.push(`/dashboards/view?id=${id}`);
    },
  });
  return { save, copy };
}

function EditBar(props: { arrangement: Arrangement; onAdd(): void; onReload(): void }) {
  const { arrangement, onAdd, onReload } = props;
  const { dirty, undo, end } = arrangement;
  const { save, copy } = useSave(arrangement);
  const failure = save.error ? failureOf(save.error) : null;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest('input, textarea');
      if (!(event.ctrlKey || event.metaKey) || event.key !== 'z' || typing) return;
      event.preventDefault();
      undo();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [undo]);
  return (
    <div className="sticky top-12 z-20 -mx-1 mb-3 rounded-card border bg-surface px-3 py-2">
      <div className="flex flex-wrap items-center gap-2">
        <span className="mr-auto text-13 text-muted">
          {dirty
            ? 'There are unsaved changes.'
            : 'Drag panels by their handle, or use the arrow keys on it.'}
        </span>
        <Button onClick={onAdd}>
          <Plus aria-hidden className="size-4" />
          Add panel
        </Button>
        <Button disabled={!dirty} onClick={undo}>
          Undo
        </Button>
        <Button onClick={end}>{dirty ? 'Discard changes' : 'Stop editing'}</Button>
        <Button
          look="primary"
          disabled={!dirty}
          busy={save.isPending}
          onClick={() => save.mutate()}
        >
          Save dashboard
        </Button>
      </div>
      {failure ? (
        <div role="alert" className="mt-2 flex flex-wrap items-center gap-2 text-13 text-bad-text">
          <span className="mr-auto">{failure.fields[0]?.message ?? failure.message}</span>
          {failure.status === 409 ? (
            <>
              <Button onClick={onReload}>Load theirs, drop mine</Button>
              <Button busy={copy.isPending} onClick={() => copy.mutate()}>
                Save mine as a copy
              </Button>
            </>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

type Editing = { panel: Panel; isNew: boolean };

function Board({ dashboard, reload }: { dashboard: DashboardDetail; reload(): Promise<unknown> }) {
  const me = useMe();
  const operator = me !== undefined && allows(me.role, 'operator');
  const { range, setRange } = useStoreRange();
  const [wanted, setWanted] = useQueryState('edit', parseAsBoolean.withDefault(false));
  const arrangement = useArrangement(dashboard);
  const { base, panels, begin, push } = arrangement;
  const [sheet, setSheet] = useState<Editing | null>(null);
  const guard = useLeaveGuard(arrangement.dirty);
  useEffect(() => {
    if (!wanted || !operator) return;
    begin(dashboard);
    void setWanted(null);
  }, [wanted, operator, begin, dashboard, setWanted]);
  const add = () => setSheet({ panel: freshPanel(panels), isNew: true });
  const apply = ({ isNew }: Editing, next: Panel) =>
    push(
      settle(isNew ? [...panels, next] : panels.map((each) => (each.id === next.id ? next : each))),
    );
  return (
    <>
      <PageHeader
        title={dashboard.name}
        state={`${count(panels.length, 'panel')}. Times in ${zoneName()}.`}
        action={
          operator && !base ? (
            <Button look="primary" onClick={() => begin(dashboard)}>
              Edit dashboard
            </Button>
          ) : undefined
        }
      />
      {base ? (
        <EditBar
          arrangement={arrangement}
          onAdd={add}
          onReload={() => void reload().then(arrangement.end)}
        />
      ) : null}
      {panels.length === 0 ? (
        <EmptyState
          title="No panel yet"
          why="A panel is one query of the metric store, drawn as lines, areas, bars, a figure or a table."
          action={
            operator ? (
              <Button
                look="primary"
                onClick={() => {
                  if (!base) begin(dashboard);
                  add();
                }}
              >
                Add panel
              </Button>
            ) : undefined
          }
        />
      ) : (
        <ZoomTo onSpan={setRange}>
          <Grid
            panels={panels}
            range={range}
            editing={base !== null}
            onArrange={push}
            onEdit={(panel) => setSheet({ panel, isNew: false })}
            onRemove={(panel) => push(settle(panels.filter(({ id }) => id !== panel.id)))}
          />
        </ZoomTo>
      )}
      {sheet ? (
        <PanelSheet
          panel={sheet.panel}
          isNew={sheet.isNew}
          range={range}
          onApply={(next) => apply(sheet, next)}
          onClose={() => setSheet(null)}
        />
      ) : null}
      {guard.wanted ? (
        <LeaveDialog href={guard.wanted} onLeave={arrangement.end} onStay={guard.stay} />
      ) : null}
    </>
  );
}

/** One dashboard: looked at by everybody, arranged by operators. */
export function DashboardPage() {
  const [id] = useQueryState('id', parseAsString);
  const query = useQuery(
    trpc.dashboards.get.queryOptions(id ? { id } : skipToken, { staleTime: 0 }),
  );
  if (!id || (query.isError && !query.data)) {
    return (
      <>
        <PageHeader title="Dashboard" state="" />
        {id ? (
          <ErrorPanel what="The dashboard" error={query.error} onRetry={() => query.refetch()} />
        ) : (
          <EmptyState
            title="No dashboard is named"
            why="The link does not say which dashboard to show."
            action={
              <Link href="/dashboards" className={buttonClass('secondary')}>
                All dashboards
              </Link>
            }
          />
        )}
      </>
    );
  }
  if (!query.data || query.isPlaceholderData) {
    return (
      <>
        <PageHeader title="Dashboard" state={<Skeleton className="h-4 w-40" />} />
        <div className="grid gap-3 md:grid-cols-2">
          <Skeleton className="h-64" />
          <Skeleton className="h-64" />
        </div>
      </>
    );
  }
  return <Board key={id} dashboard={query.data} reload={() => query.refetch()} />;
}
