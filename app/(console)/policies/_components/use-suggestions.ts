'use client';

import { useQuery } from '@tanstack/react-query';
import { trpc } from '../../../../components/trpc/client.ts';

/** What can be written: the roles, keys and people there are, and the procedures. Lists that cannot be read are left out. */
export function useSuggestions() {
  const options = { staleTime: 60_000, retry: false } as const;
  const keys = useQuery(trpc.keys.list.queryOptions({ limit: 200 }, options));
  const users = useQuery(trpc.users.list.queryOptions({ limit: 200 }, options));
  const procedures = useQuery(trpc.keys.procedures.queryOptions(undefined, options));
  const names = procedures.data ?? [];
  const modules = [...new Set(names.map((name) => `${name.split('.')[0]}.*`))];
  return {
    subjects: [
      ...['viewer', 'operator', 'admin'].map((role) => ({ value: `role:${role}`, label: role })),
      ...(keys.data?.items ?? []).map(({ id, name }) => ({ value: `key:${id}`, label: name })),
      ...(users.data?.items ?? []).map(({ email, name }) => ({
        value: `user:${email}`,
        label: name,
      })),
    ],
    tools: names,
    modules,
  };
}
