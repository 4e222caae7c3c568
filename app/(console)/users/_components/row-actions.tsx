'use client';

import { RowActions as Actions } from '../../../../components/data/row-actions.tsx';
import type { UserItem } from '../../../../server/users/contract.ts';
import type { UserAction } from './columns.tsx';

const load = () => import('./row-menu.tsx');

export type RowActionsProps = {
  user: UserItem;
  /** One's own account can neither be disabled nor lose its role. */
  self: boolean;
  act(action: UserAction, user: UserItem): void;
};

export const RowActions = (props: RowActionsProps) => (
  <Actions name={props.user.name} load={load} menu={props} disabled={props.self} />
);
