'use client';

import { RowActions as Actions } from '../../../../components/data/row-actions.tsx';
import type { ChannelItem } from '../../../../server/notify/contract.ts';
import type { ChannelAction } from './channel-columns.tsx';

const load = () => import('./row-menu.tsx');

export type RowActionsProps = {
  channel: ChannelItem;
  act(action: ChannelAction, channel: ChannelItem): void;
};

export const RowActions = (props: RowActionsProps) => (
  <Actions name={props.channel.name} load={load} menu={props} />
);
