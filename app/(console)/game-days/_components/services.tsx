'use client';

import Link from 'next/link';
import { StateBadge } from '../../../../components/data/state-badge.tsx';
import { StatusBadge } from '../../../../components/data/status-badge.tsx';
import { Button } from '../../../../components/ui/button.tsx';
import { Skeleton } from '../../../../components/ui/skeleton.tsx';
import type { Fault, FleetService } from '../../../../server/gamedays/contract.ts';
import { FaultMenu } from './fault-menu.tsx';
import { faultWords } from './words.ts';

type ServicesProps = {
  services: readonly FleetService[];
  mayAct: boolean;
  onBreak(service: FleetService, fault: Fault): void;
  onCancel(service: FleetService, id: string): void;
};

function FaultCell({ service }: { service: FleetService }) {
  if (service.fault !== 'none') {
    return <StatusBadge kind="bad" word={faultWords[service.fault].word} />;
  }
  return service.alive ? (
    <StatusBadge kind="ok" word="Whole" />
  ) : (
    <StatusBadge kind="bad" word="Dead" />
  );
}

function TargetCell({ target }: Pick<FleetService, 'target'>) {
  if (!target) return <span className="text-muted">not watched</span>;
  return (
    <Link href={`/health/target?id=${target.id}`} aria-label={`Target, ${target.state}`}>
      <StateBadge state={target.state} />
    </Link>
  );
}

const head = 'border-b px-2 font-medium sm:px-3';
const cell = 'whitespace-nowrap border-b px-2 sm:px-3';
// On a phone the action matters more.
const wide = 'hidden sm:table-cell';

/** What can be broken, how it is, and what the console makes of it. */
export function Services({ services, mayAct, onBreak, onCancel }: ServicesProps) {
  return (
    <section aria-labelledby="fleet-services" className="mb-6 min-w-0">
      <h2 id="fleet-services" className="mb-2 font-medium text-14">
        Services of the demo fleet
      </h2>
      <div className="overflow-x-auto rounded-card border bg-surface">
        <table className="w-full text-13">
          <thead className="bg-raised text-12 text-muted">
            <tr className="h-9 text-left">
              <th scope="col" className={head}>
                Service
              </th>
              <th scope="col" className={head}>
                Fault
              </th>
              <th scope="col" className={head}>
                Target
              </th>
              <th scope="col" className={`${head} ${wide}`}>
                Depends on
              </th>
              <th scope="col" className={`${head} ${wide} text-right`}>
                Restarts
              </th>
              {mayAct ? (
                <th scope="col" className={`${head} text-right`}>
                  Actions
                </th>
              ) : null}
            </tr>
          </thead>
          <tbody className="[&_tr:last-child_td]:border-0">
            {services.map((service) => (
              <tr key={service.name} className="h-9">
                <td className={`${cell} font-medium`}>{service.name}</td>
                <td className={cell}>
                  <FaultCell service={service} />
                </td>
                <td className={cell}>
                  <TargetCell target={service.target} />
                </td>
                <td className={`${cell} ${wide} text-muted`}>
                  {service.dependsOn.join(', ') || '–'}
                </td>
                <td className={`${cell} ${wide} text-right tabular-nums`}>{service.restarts}</td>
                {mayAct ? (
                  <td className={`${cell} text-right`}>
                    {service.gameDayId === null ? (
                      <FaultMenu service={service} onChoose={(fault) => onBreak(service, fault)} />
                    ) : (
                      <Button
                        className="h-7"
                        aria-label={`Cancel the game day of ${service.name}`}
                        onClick={() => {
                          if (service.gameDayId) onCancel(service, service.gameDayId);
                        }}
                      >
                        Cancel
                      </Button>
                    )}
                  </td>
                ) : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function ServicesSkeleton() {
  return (
    <div className="mb-6">
      <div className="mb-2 h-5" />
      <Skeleton className="h-[289px] rounded-card" />
    </div>
  );
}
