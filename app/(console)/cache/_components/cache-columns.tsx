import type { Column } from '../../../../components/data/columns.ts';
import { formatBytes } from '../../../../components/format/bytes.ts';
import { formatDuration } from '../../../../components/format/duration.ts';
import { formatNumber } from '../../../../components/format/number.ts';
import { formatPercent } from '../../../../components/format/percent.ts';
import type {
  CacheKeyItem,
  NamespaceItem,
  WarmKeyItem,
} from '../../../../server/cache/contract.ts';

const rate = ({ hitRate }: NamespaceItem) => (hitRate === null ? '–' : formatPercent(hitRate));
const number = <T extends object>(
  id: string,
  header: string,
  width: string,
  pick: (row: T) => number,
): Column<T> => ({
  id,
  header,
  width,
  align: 'right',
  sort: pick,
  csv: pick,
  cell: (row) => formatNumber(pick(row)),
});

export const namespaceColumns: readonly Column<NamespaceItem>[] = [
  {
    id: 'name',
    header: 'Kind',
    width: '140px',
    sort: ({ name }) => name,
    csv: ({ name }) => name,
    cell: ({ name }) => <span className="font-medium">{name}</span>,
  },
  {
    id: 'rate',
    header: 'Hit rate',
    width: '100px',
    align: 'right',
    sort: ({ hitRate }) => hitRate,
    csv: ({ hitRate }) => hitRate,
    cell: rate,
  },
  number('hits', 'Hits', '100px', ({ hits }) => hits),
  number('misses', 'Misses', '100px', ({ misses }) => misses),
  number('loads', 'Loads', '90px', ({ loads }) => loads),
  number('stale', 'Shown old', '100px', ({ stale }) => stale),
  number('failures', 'Failed loads', '110px', ({ failures }) => failures),
  number('unreadable', 'Unreadable', '110px', ({ unreadable }) => unreadable),
  number('entries', 'Values', '90px', ({ entries }) => entries),
  {
    id: 'bytes',
    header: 'Size',
    width: '100px',
    align: 'right',
    sort: ({ bytes }) => bytes,
    csv: ({ bytes }) => bytes,
    cell: ({ bytes }) => formatBytes(bytes),
  },
  {
    id: 'ttl',
    header: 'New for',
    width: '100px',
    align: 'right',
    sort: ({ ttlMs }) => ttlMs,
    csv: ({ ttlMs }) => ttlMs / 1000,
    cell: ({ ttlMs }) => formatDuration(ttlMs / 1000),
  },
];

export const keyColumns: readonly Column<CacheKeyItem>[] = [
  {
    id: 'key',
    header: 'Key',
    width: '320px',
    sort: ({ key }) => key,
    csv: ({ key }) => key,
    cell: ({ key }) => (
      <code title={key} className="font-mono text-12">
        {key}
      </code>
    ),
  },
  {
    id: 'tags',
    header: 'Old after changes of',
    width: '180px',
    csv: ({ tags }) => tags.join(', '),
    cell: ({ tags }) => tags.join(', ') || '–',
  },
  number('hits', 'Hits', '90px', ({ hits }) => hits),
  {
    id: 'bytes',
    header: 'Size',
    width: '100px',
    align: 'right',
    sort: ({ bytes }) => bytes,
    csv: ({ bytes }) => bytes,
    cell: ({ bytes }) => formatBytes(bytes),
  },
  {
    id: 'age',
    header: 'Age',
    width: '100px',
    align: 'right',
    sort: ({ ageMs }) => ageMs,
    csv: ({ ageMs }) => ageMs / 1000,
    cell: ({ ageMs }) => formatDuration(ageMs / 1000),
  },
  {
    id: 'fresh',
    header: 'New for',
    width: '100px',
    align: 'right',
    sort: ({ freshForMs }) => freshForMs,
    csv: ({ freshForMs }) => freshForMs / 1000,
    cell: ({ freshForMs }) => (freshForMs > 0 ? formatDuration(freshForMs / 1000) : 'old'),
  },
];

export const warmColumns: readonly Column<WarmKeyItem>[] = [
  {
    id: 'key',
    header: 'Key',
    width: '320px',
    sort: ({ key }) => key,
    csv: ({ key }) => key,
    cell: ({ key }) => (
      <code title={key} className="font-mono text-12">
        {key}
      </code>
    ),
  },
  number('expected', 'Looks expected', '130px', ({ expected }) => expected),
  number('lastDay', 'A day before', '120px', ({ lastDay }) => lastDay),
];
