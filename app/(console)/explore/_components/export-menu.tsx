'use client';

import { Download } from 'lucide-react';
import { flatten } from '../../../../components/metrics/lines.ts';
import { Button } from '../../../../components/ui/button.tsx';
import { Menu, MenuItem } from '../../../../components/ui/menu.tsx';
import type { Query, QueryResult } from '../../../../server/metrics/contract.ts';

/** The answer as a file: rows for a spreadsheet, or everything as JSON. */
export default function ExportMenu({ query, result }: { query: Query; result: QueryResult }) {
  const csv = async () => {
    const [{ downloadCsv }, { answerColumns }] = await Promise.all([
      import('../../../../components/data/csv.ts'),
      import('./answer-table.tsx'),
    ]);
    downloadCsv(query.metric, answerColumns(result, query.metric, ''), flatten(result));
  };
  const json = async () => {
    const { download } = await import('../../../../components/data/csv.ts');
    download(query.metric, 'json', JSON.stringify({ query, result }, null, 2), 'application/json');
  };
  return (
    <Menu
      trigger={
        <Button>
          <Download aria-hidden className="size-4" />
          Export
        </Button>
      }
    >
      <MenuItem onSelect={() => void csv()}>CSV, a row a point</MenuItem>
      <MenuItem onSelect={() => void json()}>JSON, with the query</MenuItem>
    </Menu>
  );
}
