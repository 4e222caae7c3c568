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
  // A store is asked by people's queries alone, which tell their own failures.
  if (source.kind === 'prometheus') return { kind: 'info', word: 'Asked on use' };
  if (source.lastAt === null) return { kind: 'unknown', word: 'Not read yet' };
  return { kind: 'ok', word: 'Good' };
}
