'use client';

import { Zap } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Button } from '../../../../components/ui/button.tsx';
import type { Fault, FleetService } from '../../../../server/gamedays/contract.ts';

const loadList = () => import('./fault-list.tsx');
const FaultList = lazy(loadList);

export type FaultMenuProps = { service: FleetService; onChoose(fault: Fault): void };

/** Opens the list of faults; its code comes when the pointer is near. */
export function FaultMenu(props: FaultMenuProps) {
  const [wanted, setWanted] = useState(false);
  const near = () => {
    loadList().catch(() => undefined);
  };
  const { alive, fault, target, name } = props.service;
  const disabled = !alive || fault !== 'none' || target === null || target.state === 'down';
  const button = (
    <Button
      className="h-7"
      aria-label={`Put a fault into ${name}`}
      aria-haspopup="menu"
      disabled={disabled}
      onPointerEnter={near}
      onFocus={near}
      onClick={() => setWanted(true)}
    >
      <Zap aria-hidden className="size-3.5" />
      Break
    </Button>
  );
  return wanted && !disabled ? (
    <Suspense fallback={button}>
      <FaultList {...props} />
    </Suspense>
  ) : (
    button
  );
}
