'use client';

import { Fragment, useState } from 'react';
import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { count, formatNumber } from '../../../../components/format/number.ts';
import { Snippet } from '../../../../components/metrics/snippet.tsx';
import { Badge } from '../../../../components/ui/badge.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import type { IngestStatus, Way } from '../../../../server/metrics/contract.ts';
import { keySnippet, snippetOf } from './snippets.ts';

const words: Readonly<Record<Way, { name: string; what: string }>> = {
  api: { name: 'HTTP', what: 'JSON to metrics.ingest, from a script or a service' },
  otlp: { name: 'OpenTelemetry', what: 'OTLP over HTTP: metrics, traces and logs of any SDK' },
  'remote write': { name: 'Remote write', what: 'What a Prometheus scrapes, sent on' },
  scrape: { name: 'Scraping', what: 'Prometheus endpoints that this console reads by itself' },
  console: { name: 'The console', what: 'Its own figures, every 15 seconds' },
};
const order = [
  'api',
  'otlp',
  'remote write',
  'scrape',
  'console',
] as const satisfies readonly Way[];

/** Each way in with what came by it, and how to use it. */
export function Ways({ ways }: { ways: IngestStatus['ways'] }) {
  const [open, setOpen] = useState<Way | null>(null);
  return (
    <section aria-label="Ways in" className="mb-5">
      <h2 className="mb-2 font-medium text-14">Ways in</h2>
      <ul className="divide-y overflow-hidden rounded-card border bg-surface">
        {order.map((way) => {
          const { name, what } = words[way];
          const figures = ways.find((each) => each.way === way);
          const snippet = snippetOf(way, location.origin);
          return (
            <li key={way} className="px-4 py-3">
              <div className="flex flex-wrap items-center gap-x-6 gap-y-2">
                <div className="min-w-48 flex-1">
                  <h3 className="font-medium text-13">{name}</h3>
                  <p className="text-12 text-muted">{what}</p>
                </div>
                <Figures figures={figures} />
                {snippet ? (
                  <Button
                    aria-expanded={open === way}
                    onClick={() => setOpen(open === way ? null : way)}
                  >
                    {open === way ? 'Hide' : 'How to send'}
                    <span className="sr-only"> by {name}</span>
                  </Button>
                ) : null}
              </div>
              {snippet && open === way ? (
                <div className="mt-3 grid grid-cols-[minmax(0,1fr)] gap-3">
                  {snippet.map(({ title, text }) => (
                    <Fragment key={title}>
                      <h4 className="text-12 text-muted">{title}</h4>
                      <Snippet text={text} what={title} />
                    </Fragment>
                  ))}
                  <p className="text-12 text-muted">
                    $WHEELHOUSE_KEY is a key with the scope ingest:{' '}
                    <code className="break-all font-mono">{keySnippet}</code>
                  </p>
                </div>
              ) : null}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Figures({ figures }: { figures: IngestStatus['ways'][number] | undefined }) {
  if (!figures || figures.lastAt === null) return <Badge>nothing yet</Badge>;
  const { samplesLastMinute, acceptedTotal, rejectedTotal, lastAt } = figures;
  return (
    <p className="text-13 tabular-nums">
      {count(samplesLastMinute, 'sample')} in the last minute
      <span className="block text-12 text-muted">
        {formatNumber(acceptedTotal)} since start
        {rejectedTotal > 0 ? `, ${formatNumber(rejectedTotal)} rejected` : ''}; last{' '}
        <RelativeTime at={lastAt} />
      </span>
    </p>
  );
}
