/** Explore with a query in it. The names are those of the page's own URL. Pure. */
import type { Draft } from './draft.ts';
import type { Range } from './range.ts';

export function exploreHref(draft: Draft, range: Range): string {
  const search = new URLSearchParams({ metric: draft.metric, show: draft.aggregations.join(',') });
  if (draft.groupBy.length > 0) search.set('by', draft.groupBy.map(encodeURIComponent).join(','));
  if (draft.filters.length > 0) search.set('filters', JSON.stringify(draft.filters));
  if (draft.step !== 'auto') search.set('step', draft.step);
  if (draft.sourceId) search.set('source', draft.sourceId);
  if ('relative' in range) search.set('range', range.relative);
  else {
    search.set('from', String(Math.round(range.from)));
    search.set('to', String(Math.round(range.to)));
  }
  return `/explore?${search}`;
}
