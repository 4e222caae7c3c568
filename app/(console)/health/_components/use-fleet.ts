'use client';

import { useQuery } from '@tanstack/react-query';
import { trpc } from '../../../../components/trpc/client.ts';

/** Whether healing is paused for the whole fleet. */
export function useFleet() {
  return { control: useQuery(trpc.health.control.queryOptions()).data };
}
