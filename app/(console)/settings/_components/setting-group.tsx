import { Lock } from 'lucide-react';
import { Badge, type Tone } from '../../../../components/ui/badge.tsx';
import { CopyButton } from '../../../../components/ui/copy-button.tsx';
import { ScrollRegion } from '../../../../components/ui/scroll-region.tsx';
import type { SettingItem } from '../../../../server/system/contract.ts';

const sources: Record<SettingItem['source'], { tone: Tone; word: string }> = {
  default: { tone: 'neutral', word: 'Default' },
  environment: { tone: 'accent', word: 'Environment' },
  file: { tone: 'info', word: 'File' },
  generated: { tone: 'neutral', word: 'Generated' },
};

function Value({ item }: { item: SettingItem }) {
  if (item.value === null) return <span className="text-faint">not set</span>;
  return (
    <span className="flex items-center gap-1.5">
      {item.secret ? <Lock aria-label="Secret" role="img" className="size-3.5 text-faint" /> : null}
      <code className="break-all font-mono text-12">
        {item.value === '' ? '(empty)' : item.value}
      </code>
    </span>
  );
}

function Row({ item }: { item: SettingItem }) {
  const source = sources[item.source];
  const differs = item.source !== 'default' && item.defaultValue !== null && !item.secret;
  return (
    <tr className="group align-top">
      <th scope="row" className="border-b px-3 py-2 text-left font-normal">
        <span className="flex items-center gap-1">
          <code className="break-all font-mono text-12">{item.name}</code>
          <CopyButton
            value={item.name}
            what={item.name}
            className="opacity-0 focus-visible:opacity-100 group-hover:opacity-100"
          />
        </span>
        <span className="mt-0.5 block text-12 text-muted">{item.description}</span>
      </th>
      <td className="border-b px-3 py-2.5">
        <Value item={item} />
        {differs ? (
          <span className="mt-0.5 block break-all text-12 text-muted">
            Default {item.defaultValue}
          </span>
        ) : null}
      </td>
      <td className="border-b px-3 py-2.5">
        <Badge tone={source.tone}>{source.word}</Badge>
      </td>
    </tr>
  );
}

/** Settings that belong together. */
export function SettingGroup({ group, items }: { group: string; items: readonly SettingItem[] }) {
  return (
    <section className="mb-6">
      <h2 className="mb-2 font-medium text-14 first-letter:uppercase">{group}</h2>
      <ScrollRegion aria-label={group} className="overflow-x-auto rounded-card border bg-surface">
        <table className="w-full min-w-[640px] table-fixed text-13 [&_tbody_tr:last-child>*]:border-0">
          <thead className="bg-raised text-12 text-muted">
            <tr className="h-9 text-left">
              <th scope="col" className="border-b px-3 font-medium">
                Setting
              </th>
              <th scope="col" className="w-[36%] border-b px-3 font-medium">
                Value
              </th>
              <th scope="col" className="w-[130px] border-b px-3 font-medium">
                From
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <Row key={item.name} item={item} />
            ))}
          </tbody>
        </table>
      </ScrollRegion>
    </section>
  );
}
