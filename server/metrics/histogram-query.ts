import type { Catalog } from './catalog.ts';
import { expand } from './execute.ts';
import { assemble, histogramAggregations, partsOf, unanswerable } from './histogram.ts';
import { badField, type Explained, type QueryRunner } from './query.ts';

/** Answers questions about histograms by their base name, and leaves all others to `run`. */
export function withHistograms(run: QueryRunner, catalog: Catalog): QueryRunner {
  return async (query, signal) => {
    const asked = expand(query.aggregations);
    const info = await catalog.find(query.metric);
    if (info?.kind !== 'histogram' || (await catalog.series(info)).length > 0)
      return run(query, signal, info);
    const wrong = unanswerable(asked);
    if (wrong >= 0) {
      throw badField(
        `aggregations.${Math.max(0, query.aggregations.indexOf(asked[wrong] ?? 'avg'))}`,
        `Not for a histogram; accepted are ${histogramAggregations}`,
      );
    }
    if (query.filters.some(({ field }) => field === 'value')) {
      throw badField('filters', 'Values of a histogram cannot be filtered');
    }
    const parts = partsOf(query, asked);
    const results: Partial<Record<keyof typeof parts, Explained>> = {};
    for (const suffix of ['_bucket', '_sum', '_count'] as const) {
      const part = parts[suffix];
      if (part) results[suffix] = await run(part, signal);
    }
    const all = Object.values(results);
    const [first] = all;
    if (!first) return run(query, signal, info);
    const add = (pick: (one: Explained) => number) => all.reduce((sum, one) => sum + pick(one), 0);
    return {
      result: {
        ...first.result,
        series: assemble(asked, {
          ...(results._bucket ? { _bucket: results._bucket.result } : {}),
          ...(results._sum ? { _sum: results._sum.result } : {}),
          ...(results._count ? { _count: results._count.result } : {}),
        }),
        scanned: add(({ result }) => result.scanned),
        tookMs: Math.round(add(({ result }) => result.tookMs) * 10) / 10,
        percentiles: results._bucket ? 'approximate' : null,
        notes: [
          ...new Set(all.flatMap(({ result }) => result.notes)),
          ...(results._bucket
            ? ['Percentiles are estimated from the buckets of the histogram.']
            : []),
        ],
      },
      plan: {
        ...first.plan,
        chunks: add(({ plan }) => plan.chunks),
        chunkBytes: add(({ plan }) => plan.chunkBytes),
        rollupRows: add(({ plan }) => plan.rollupRows),
        recentSamples: add(({ plan }) => plan.recentSamples),
        otherReplicasSamples: add(({ plan }) => plan.otherReplicasSamples),
        seriesMatched: add(({ plan }) => plan.seriesMatched),
        seriesOfMetric: add(({ plan }) => plan.seriesOfMetric),
      },
    };
  };
}
