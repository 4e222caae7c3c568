'use client';

import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import { StatusBadge } from '../../../../../components/data/status-badge.tsx';
import { count } from '../../../../../components/format/number.ts';
import { Button } from '../../../../../components/ui/button.tsx';
import { ScrollRegion } from '../../../../../components/ui/scroll-region.tsx';
import type { KeyItem, KeyVersionItem } from '../../../../../server/keys/contract.ts';
import { isAccepted, type VersionAction, VersionState } from '../../_components/words.tsx';

export type ActOnVersion = (action: VersionAction, version: KeyVersionItem) => void;

/** Said as long as a version is refused to see who notices. */
export function Rehearsal({ item, act }: { item: KeyItem; act: ActOnVersion }) {
  const version = item.versions.find(({ rehearsalEndsAt }) => rehearsalEndsAt);
  if (!version?.rehearsalEndsAt) return null;
  const { lastRefusedAt } = version;
  return (
    <div
      role="status"
      className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-card border bg-surface px-3.5 py-2.5 text-13"
    >
      <StatusBadge kind="maintenance" word="Rehearsal" />
      <span className="min-w-0 flex-1 basis-56">
        Version {version.version} is refused as if it had ended, until{' '}
        <RelativeTime at={version.rehearsalEndsAt} />.{' '}
        {lastRefusedAt ? (
          <>
            Somebody met it last <RelativeTime at={lastRefusedAt} />; see below who.
          </>
        ) : (
          'Nobody has met it yet.'
        )}
      </span>
      <Button onClick={() => act('stop', version)}>End the rehearsal</Button>
    </div>
  );
}

function Ending({ version }: { version: KeyVersionItem }) {
  if (version.state === 'ended')
    return (
      <>
        {version.endedAt ? <RelativeTime at={version.endedAt} /> : 'ended'}
        {version.endedBy ? `, ${version.endedBy}` : ''}
      </>
    );
  if (!version.graceEndsAt) return <span className="text-faint">–</span>;
  return (
    <>
      <RelativeTime at={version.graceEndsAt} />
      {version.quietDays ? `, or once quiet for ${count(version.quietDays, 'day')}` : ''}
    </>
  );
}

function Buttons({ version, act }: { version: KeyVersionItem; act: ActOnVersion }) {
  if (version.state === 'ended') return null;
  return (
    <span className="flex justify-end gap-1.5">
      {version.state === 'grace' ? (
        <>
          {version.rehearsalEndsAt ? null : (
            <Button onClick={() => act('rehearse', version)}>Rehearse</Button>
          )}
          <Button onClick={() => act('quiet', version)}>End when quiet</Button>
        </>
      ) : null}
      <Button onClick={() => act('end', version)}>End version {version.version}</Button>
    </span>
  );
}

/** The texts of the key, newest first: which are accepted, who used them last, and when they end. */
export function Versions({ item, act }: { item: KeyItem; act: ActOnVersion | null }) {
  return (
    <section aria-labelledby="versions" className="mb-3 rounded-card border bg-surface py-3">
      <h2 id="versions" className="mb-1 px-3.5 font-medium text-14">
        Versions
      </h2>
      <ScrollRegion aria-label="Versions" className="overflow-x-auto">
        <table className="w-full whitespace-nowrap text-13 tabular-nums">
          <thead>
            <tr className="border-b text-left text-12 text-muted">
              {['Version', 'State', 'Begins with', 'Made', 'Last used', 'Ends'].map((header) => (
                <th key={header} scope="col" className="px-3.5 py-1.5 font-medium">
                  {header}
                </th>
              ))}
              <th scope="col" className="px-3.5 py-1.5">
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {item.versions.map((version) => (
              <tr key={version.version} className="h-11 border-b last:border-0">
                <th scope="row" className="px-3.5 py-1.5 text-left font-medium">
                  {version.version}
                </th>
                <td className="px-3.5 py-1.5">
                  <VersionState version={version} accepted={isAccepted(item)} />
                </td>
                <td className="px-3.5 py-1.5 font-mono text-12">
                  {version.hint === '' ? '–' : `${version.hint}…`}
                </td>
                <td className="px-3.5 py-1.5" title={`by ${version.createdBy}`}>
                  <RelativeTime at={version.createdAt} />
                </td>
                <td className="px-3.5 py-1.5">
                  {version.lastUsedAt ? (
                    <RelativeTime at={version.lastUsedAt} />
                  ) : (
                    <span className="text-faint">never</span>
                  )}
                </td>
                <td className="px-3.5 py-1.5">
                  <Ending version={version} />
                </td>
                <td className="px-3.5 py-1.5">
                  {act && item.state === 'active' ? <Buttons version={version} act={act} /> : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
    </section>
  );
}
