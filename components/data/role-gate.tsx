'use client';

import type { ReactNode } from 'react';
import type { Role } from '../../server/api/contract.ts';
import { useMe } from '../shell/use-me.ts';
import { allows } from '../trpc/role.ts';
import { NoPermission } from './no-permission.tsx';
import { PageHeader } from './page-header.tsx';

/** For pages of a role: others see which one is needed. While it is not known yet the page asks for itself. */
export function RoleGate(props: { title: string; needs: Role; children: ReactNode }) {
  const me = useMe();
  if (!me || allows(me.role, props.needs)) return props.children;
  return (
    <>
      <PageHeader title={props.title} state="" />
      <NoPermission message={`This page needs the role ${props.needs}; yours is ${me.role}.`} />
    </>
  );
}
