'use client';

import { Zap } from 'lucide-react';
import { Button } from '../../../../components/ui/button.tsx';
import { Menu, MenuItem } from '../../../../components/ui/menu.tsx';
import type { FaultMenuProps } from './fault-menu.tsx';
import { faultWords } from './words.ts';

/** The faults that the service accepts. */
export default function FaultList({ service, onChoose }: FaultMenuProps) {
  return (
    <Menu
      defaultOpen
      trigger={
        <Button className="h-7" aria-label={`Put a fault into ${service.name}`}>
          <Zap aria-hidden className="size-3.5" />
          Break
        </Button>
      }
    >
      {service.accepts.map((fault) => (
        <MenuItem key={fault} onSelect={() => onChoose(fault)}>
          {faultWords[fault].word}
        </MenuItem>
      ))}
    </Menu>
  );
}
