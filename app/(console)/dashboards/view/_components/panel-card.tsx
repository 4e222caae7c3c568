'use client';

import { GripVertical, MoveDiagonal2, Pencil, SquareArrowOutUpRight, Trash2 } from 'lucide-react';
import Link from 'next/link';
import { type KeyboardEvent, type PointerEvent, useId, useRef } from 'react';
import { exploreHref } from '../../../../../components/metrics/explore-link.ts';
import { PanelView, panelDraft } from '../../../../../components/metrics/panel-view.tsx';
import type { Range } from '../../../../../components/metrics/range.ts';
import { Button, buttonClass } from '../../../../../components/ui/button.tsx';
import { cx } from '../../../../../components/ui/cx.ts';
import type { Panel } from '../../../../../server/dashboards/contract.ts';
import type { Gesture } from './grid.tsx';
import { useSeen } from './use-seen.ts';

const steps: Readonly<Record<string, { x: number; y: number }>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

type Handling = {
  onDrag(gesture: Gesture, by: { x: number; y: number }): void;
  onDrop(): void;
  onCancel(): void;
  onNudge(gesture: Gesture, by: { x: number; y: number }): void;
};

/** A handle that follows the pointer while it is held, and the arrow keys while it has the focus. */
function useHandle(gesture: Gesture, handling: Handling) {
  const from = useRef<{ x: number; y: number } | null>(null);
  return {
    onPointerDown(event: PointerEvent<HTMLButtonElement>) {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      from.current = { x: event.pageX, y: event.pageY };
    },
    onPointerMove(event: PointerEvent<HTMLButtonElement>) {
      const { current } = from;
      if (current)
        handling.onDrag(gesture, { x: event.pageX - current.x, y: event.pageY - current.y });
    },
    onPointerUp() {
      if (from.current) handling.onDrop();
      from.current = null;
    },
    onPointerCancel() {
      from.current = null;
      handling.onCancel();
    },
    onKeyDown(event: KeyboardEvent<HTMLButtonElement>) {
      if (event.key === 'Escape' && from.current) {
        event.preventDefault();
        from.current = null;
        return handling.onCancel();
      }
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      handling.onNudge(gesture, step);
    },
  };
}

const handleClass =
  'grid touch-none place-items-center rounded-control text-muted hover:bg-hover hover:text-text max-md:hidden';

/** One panel: its title, what it shows, and while arranging the handles. */
export function PanelCard(
  props: Handling & {
    panel: Panel;
    range: Range;
    editing: boolean;
    held: boolean;
    onEdit(): void;
    onRemove(): void;
  },
) {
  const { panel, range, editing, held } = props;
  const id = useId();
  const { ref, seen } = useSeen();
  const move = useHandle({ id: panel.id, kind: 'move' }, props);
  const resize = useHandle({ id: panel.id, kind: 'resize' }, props);
  const title = panel.title || panel.query.metric;
  return (
    <section
      aria-labelledby={id}
      className={cx(
        'relative flex h-full min-w-0 flex-col overflow-hidden rounded-card border bg-surface px-3 pt-1.5 pb-2.5',
        held && 'border-accent-text opacity-80',
      )}
    >
      <header className="flex h-8 shrink-0 items-center gap-1">
        {editing ? (
          <button
            type="button"
            aria-label={`Move ${title}: drag, or use the arrow keys`}
            className={cx(handleClass, 'size-7 cursor-grab active:cursor-grabbing')}
            {...move}
          >
            <GripVertical aria-hidden className="size-4" />
          </button>
        ) : null}
        <h2 id={id} title={title} className="min-w-0 flex-1 truncate font-medium text-13">
          {title}
        </h2>
        {editing ? (
          <>
            <Button
              look="ghost"
              size="icon"
              className="size-7"
              aria-label={`Edit ${title}`}
              onClick={props.onEdit}
            >
              <Pencil aria-hidden className="size-4" />
            </Button>
            <Button
              look="ghost"
              size="icon"
              className="size-7"
              aria-label={`Remove ${title}`}
              onClick={props.onRemove}
            >
              <Trash2 aria-hidden className="size-4" />
            </Button>
          </>
        ) : (
          <Link
            href={exploreHref(panelDraft(panel, range), range)}
            prefetch={false}
            aria-label={`Explore ${title}`}
            title="Explore"
            className={cx(buttonClass('ghost', 'icon'), 'size-7')}
          >
            <SquareArrowOutUpRight aria-hidden className="size-4" />
          </Link>
        )}
      </header>
      <div ref={ref} className="min-h-0 flex-1">
        <PanelView panel={panel} range={range} seen={seen} />
      </div>
      {editing ? (
        <button
          type="button"
          aria-label={`Resize ${title}: drag, or use the arrow keys`}
          className={cx(handleClass, 'absolute right-0.5 bottom-0.5 size-6 cursor-nwse-resize')}
          {...resize}
        >
          <MoveDiagonal2 aria-hidden className="size-3.5" />
        </button>
      ) : null}
    </section>
  );
}
