/** How sources are called, and which status they have. */
import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import type { SourceItem, SourceKind } from '../../../../server/sources/contract.ts';

export const kindWords: Readonly<Record<SourceKind, string>> = {
  scrape: 'Scraped endpoint',
  prometheus: 'Prometheus server',
};

export function stateOf(source: SourceItem): { kind: StatusKind; word: string } {
  if (source.paused) return { kind: 'off', word: 'Paused' };
  if (source.lastError) return { kind: 'bad', word: 'Failing' };
  if (source.lastAt === null)
    return { kind: 'unknown', word: source.kind === 'scrape' ? 'Not read yet' : 'Not asked yet' };
  return { kind: 'ok', word: 'Good' };
}
