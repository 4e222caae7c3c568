'use client';

import { useQuery } from '@tanstack/react-query';
import type { Role } from '../../server/api/contract.ts';
import { trpc } from '../trpc/client.ts';
import { allows } from '../trpc/role.ts';

/** Who is signed in; undefined until known. */
export function useMe() {
  return useQuery(trpc.users.me.queryOptions(undefined, { staleTime: 60_000 })).data;
}

/** Whether the signed-in person has the rights of `needed`; undefined until known. */
export function useAllowed(needed: Role): boolean | undefined {
  const me = useMe();
  return me && allows(me.role, needed);
}
