'use client';

import { useState } from 'react';
import type { ExplainAnswer, Plan, PlanNode } from '../../server/queries/contract.ts';
import { formatBytes } from '../format/bytes.ts';
import { count, formatNumber } from '../format/number.ts';
import { formatPercent } from '../format/percent.ts';
import { Badge } from '../ui/badge.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { cx } from '../ui/cx.ts';
import { ScrollRegion } from '../ui/scroll-region.tsx';
import { ms } from './words.ts';

const BLOCK_BYTES = 8_192;
/** From here on an estimate is so far off that it may have misled the planner. */
const MISLEADING = 10;
/** More than this stays folded where it costs little. */
const OPEN_NODES = 60;

const factor = (value: number): string =>
  value >= 10 ? formatNumber(Math.round(value)) : value.toFixed(1);

function Rows({ node }: { node: PlanNode }) {
  const { actual, misestimate, planRows } = node;
  if (!actual) return <span>{count(planRows, 'row')} expected</span>;
  if (actual.loops === 0) return <span>never run</span>;
  const off = misestimate && misestimate.factor >= MISLEADING ? misestimate : null;
  return (
    <span className={off ? 'text-warn-text' : undefined}>
      {count(actual.rows, 'row')}
      {actual.loops > 1 ? ` × ${formatNumber(actual.loops)} loops` : ''}, {formatNumber(planRows)}{' '}
      expected
      {off ? ` (${factor(off.factor)} times ${off.over ? 'fewer' : 'more'})` : ''}
    </span>
  );
}

function Buffers({ node }: { node: PlanNode }) {
  const { buffers } = node;
  if (!buffers) return null;
  const parts = [
    buffers.hit > 0 ? `${formatBytes(buffers.hit * BLOCK_BYTES)} from memory` : null,
    buffers.read > 0 ? `${formatBytes(buffers.read * BLOCK_BYTES)} read` : null,
    buffers.tempWritten > 0
      ? `${formatBytes(buffers.tempWritten * BLOCK_BYTES)} of temporary files`
      : null,
  ].filter(Boolean);
  return parts.length > 0 ? <span>{parts.join(', ')}</span> : null;
}

function Node({ node, depth, plan }: { node: PlanNode; depth: number; plan: Plan }) {
  const [open, setOpen] = useState(plan.nodes <= OPEN_NODES || node.share > 0.01 || depth < 2);
  const own = node.actual ? ms(node.actual.selfMs) : `cost ${formatNumber(node.selfCost)}`;
  return (
    <li className="min-w-0">
      <div
        className={cx(
          'grid grid-cols-[1fr_auto] items-start gap-x-4 rounded-control border-l-2 py-1 pr-2 pl-2.5',
          node.costly ? 'border-bad bg-bad-soft' : 'border-transparent',
        )}
      >
        <div className="min-w-0">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
            {node.children.length > 0 ? (
              <button
                type="button"
                aria-expanded={open}
                aria-label={`${open ? 'Fold' : 'Unfold'} ${node.label}`}
                onClick={() => setOpen(!open)}
                className="grid size-6 shrink-0 place-items-center rounded-control text-muted hover:bg-hover"
              >
                {open ? '−' : '+'}
              </button>
            ) : (
              <span aria-hidden className="w-6 shrink-0 text-center text-faint">
                ·
              </span>
            )}
            {node.subplan ? <Badge>{node.subplan}</Badge> : null}
            <code className="break-all font-mono font-medium text-12">{node.label}</code>
            {node.costly ? <Badge tone="bad">Costs most</Badge> : null}
            {node.spill ? <Badge tone="warn">Spills: {node.spill}</Badge> : null}
          </div>
          <div className="flex flex-wrap gap-x-4 pl-8 text-12 text-muted tabular-nums">
            <Rows node={node} />
            <Buffers node={node} />
            {node.workers ? (
              <span>
                {node.workers.launched ?? node.workers.planned} of{' '}
                {count(node.workers.planned, 'worker')}
              </span>
            ) : null}
          </div>
          {node.details.map(({ label, value }) => (
            <div key={label} className="break-words pl-8 text-12">
              <span className="text-muted">{label}</span> <code className="font-mono">{value}</code>
            </div>
          ))}
        </div>
        <div className="w-24 text-right text-12 tabular-nums sm:w-36">
          <span className="font-medium">{own}</span>{' '}
          <span className="text-muted">{formatPercent(node.share)}</span>
          <span aria-hidden className="mt-1 block h-1.5 overflow-hidden rounded-full bg-active">
            <span
              className={cx(
                'block h-full rounded-full',
                node.costly ? 'bg-bad' : 'bg-[var(--chart-1)]',
              )}
              style={{ width: `${Math.min(100, Math.max(1, node.share * 100))}%` }}
            />
          </span>
        </div>
      </div>
      {open && node.children.length > 0 ? (
        <ul className="ml-1.5 border-l pl-1.5 sm:ml-3 sm:pl-3">
          {node.children.map((child) => (
            <Node key={child.id} node={child} depth={depth + 1} plan={plan} />
          ))}
        </ul>
      ) : null}
    </li>
  );
}

/** A plan as a tree: what each step takes by itself, what was expected and what came, and which one costs most. */
export function PlanTree({
  answer,
}: {
  answer: Pick<ExplainAnswer, 'plan' | 'text' | 'analyzed'> & { json?: unknown };
}) {
  const { plan, text, json, analyzed } = answer;
  const [asText, setAsText] = useState(false);
  if (!plan) return null;
  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <p className="mr-auto text-13 text-muted tabular-nums">
          {analyzed && plan.executionMs !== null
            ? `Ran in ${ms(plan.executionMs)}${plan.planningMs === null ? '' : `, planned in ${ms(plan.planningMs)}`}.`
            : `Not run. Expected cost ${formatNumber(Math.round(plan.totalCost))}.`}
          {plan.settings.length > 0
            ? ` Settings: ${plan.settings.map(({ name, value }) => `${name} = ${value}`).join(', ')}.`
            : ''}
        </p>
        <button
          type="button"
          aria-pressed={asText}
          onClick={() => setAsText(!asText)}
          className="h-8 rounded-control border border-line-strong bg-surface px-3 font-medium text-13 hover:bg-hover"
        >
          {asText ? 'As a tree' : 'As text'}
        </button>
        <CopyButton value={text ?? ''} what="plan as text" label="Copy text" />
        <CopyButton
          value={() => JSON.stringify(json, null, 2)}
          what="plan as JSON"
          label="Copy JSON"
        />
      </div>
      {asText ? (
        <ScrollRegion
          aria-label="The plan as text"
          className="overflow-x-auto rounded-control border bg-raised p-3"
        >
          <pre className="font-mono text-12">{text}</pre>
        </ScrollRegion>
      ) : (
        <ul aria-label="Steps of the plan" className="rounded-card border bg-surface p-2">
          <Node node={plan.root} depth={0} plan={plan} />
        </ul>
      )}
    </div>
  );
}
