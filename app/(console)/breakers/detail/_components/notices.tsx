import { BellRing, Hand, Unplug } from 'lucide-react';
import type { ReactNode } from 'react';
import { RelativeTime } from '../../../../../components/data/relative-time.tsx';
import type { BreakerDetail } from '../../../../../server/breakers/contract.ts';

function Notice({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <div
      role="status"
      className="mb-3 flex items-start gap-2.5 rounded-card border border-line-strong bg-info-soft px-3.5 py-2.5 text-13 text-info-text [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0"
    >
      {icon}
      <p className="min-w-0 break-words">{children}</p>
    </div>
  );
}

/** Who holds it, which alerts fire, and whether it is this replica's alone. */
export function Notices({ breaker }: { breaker: BreakerDetail }) {
  const { hold, alerts, alone } = breaker;
  const firing = alerts.filter(({ released }) => !released);
  const overruled = alerts.length - firing.length;
  return (
    <>
      {hold ? (
        <Notice icon={hold.kind === 'alert' ? <BellRing aria-hidden /> : <Hand aria-hidden />}>
          Held {hold.state} by <b className="font-medium">{hold.by}</b>{' '}
          <RelativeTime at={hold.at} />: {hold.reason}. It stays so until{' '}
          {hold.kind === 'alert' ? 'the alert is over or ' : ''}somebody hands it back.
        </Notice>
      ) : null}
      {firing.length > 1 ? (
        <Notice icon={<BellRing aria-hidden />}>
          {firing.length} alerts fire: {firing.map(({ title }) => title).join('; ')}.
        </Notice>
      ) : null}
      {overruled > 0 ? (
        <Notice icon={<BellRing aria-hidden />}>
          {overruled === 1 ? 'An alert that fires was' : `${overruled} alerts that fire were`}{' '}
          overruled, and {overruled === 1 ? 'does' : 'do'} not hold it again before{' '}
          {overruled === 1 ? 'it is' : 'they are'} over.
        </Notice>
      ) : null}
      {alone ? (
        <Notice icon={<Unplug aria-hidden />}>
          Only this replica sees failures, so it is open here and closed for the others.
        </Notice>
      ) : null}
    </>
  );
}
