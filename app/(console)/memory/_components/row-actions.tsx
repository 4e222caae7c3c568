'use client';

import { RowActions as Actions } from '../../../../components/data/row-actions.tsx';
import type { ProcessItem } from '../../../../server/memory/contract.ts';
import type { Act } from './process-columns.tsx';

const load = () => import('./row-menu.tsx');
export type RowActionsProps = { process: ProcessItem; act: Act };

export const RowActions = (props: RowActionsProps) => (
  <Actions
    name={`${props.process.name} on ${props.process.instance}`}
    load={load}
    menu={props}
    disabled={!props.process.present}
  />
);
