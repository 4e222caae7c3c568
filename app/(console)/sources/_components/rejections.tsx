import { RelativeTime } from '../../../../components/data/relative-time.tsx';
import { formatNumber } from '../../../../components/format/number.ts';
import { ScrollRegion } from '../../../../components/ui/scroll-region.tsx';
import type { IngestStatus } from '../../../../server/metrics/contract.ts';

/** Samples that were refused, and why; equal ones together. */
export function Rejections({ rejections }: { rejections: IngestStatus['rejections'] }) {
  return (
    <section aria-label="Rejected samples" className="mb-5">
      <h2 className="mb-2 font-medium text-14">Rejected samples</h2>
      {rejections.length === 0 ? (
        <p className="text-13 text-muted">
          None since this process began. A bad sample is refused by itself; the rest of its call is
          kept.
        </p>
      ) : (
        <ScrollRegion
          aria-label="Rejected samples, scrolls"
          className="max-h-80 overflow-auto rounded-card border bg-surface"
        >
          <table className="w-full min-w-[560px] text-13">
            <thead className="sticky top-0 bg-raised text-12 text-muted">
              <tr className="h-9 text-left">
                <th scope="col" className="px-3 font-medium">
                  Reason
                </th>
                <th scope="col" className="px-3 font-medium">
                  Metric
                </th>
                <th scope="col" className="px-3 font-medium">
                  Way in
                </th>
                <th scope="col" className="px-3 text-right font-medium">
                  Times
                </th>
                <th scope="col" className="px-3 font-medium">
                  Last
                </th>
              </tr>
            </thead>
            <tbody>
              {rejections.map(({ at, way, reason, metric, count }) => (
                <tr key={`${way} ${metric} ${reason}`} className="h-9 border-t align-top">
                  <td className="max-w-96 break-words px-3 py-2">{reason}</td>
                  <td className="max-w-64 break-all px-3 py-2 font-mono text-12">
                    {metric ?? '–'}
                  </td>
                  <td className="px-3 py-2">{way}</td>
                  <td className="px-3 py-2 text-right tabular-nums">{formatNumber(count)}</td>
                  <td className="whitespace-nowrap px-3 py-2">
                    <RelativeTime at={at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollRegion>
      )}
    </section>
  );
}
