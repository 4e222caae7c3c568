'use client';

import { Dialog } from '../ui/dialog.tsx';
import { Kbd } from '../ui/kbd.tsx';
import { account, nav } from './nav.ts';

type Rows = readonly (readonly [readonly string[], string])[];

const anywhere: Rows = [
  [['Ctrl', 'K'], 'Search and commands'],
  [['/'], 'Filter of the page'],
  [['?'], 'This list'],
  [['p'], 'Pause or resume live figures'],
];
const inTables: Rows = [
  [['j'], 'Next row'],
  [['k'], 'Previous row'],
  [['Enter'], 'Open the row'],
  [['x'], 'Select the row'],
];
const inCharts: Rows = [[['Esc'], 'Reset the zoom']];

function Keys({ title, rows }: { title: string; rows: Rows }) {
  return (
    <section className="mb-5">
      <h3 className="mb-1 font-medium text-12 text-muted">{title}</h3>
      <dl>
        {rows.map(([keys, meaning]) => (
          <div key={meaning} className="flex h-8 items-center justify-between text-13">
            <dt>{meaning}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function HelpSheet({ onClose }: { onClose(): void }) {
  const pages = [...nav, account].flatMap(({ key, label }) =>
    key ? [[['g', key], label] as const] : [],
  );
  return (
    <Dialog open title="Keyboard shortcuts" onOpenChange={onClose}>
      <Keys title="Anywhere" rows={anywhere} />
      <Keys title="Go to" rows={pages} />
      <Keys title="In tables" rows={inTables} />
      <Keys title="In charts" rows={inCharts} />
    </Dialog>
  );
}
