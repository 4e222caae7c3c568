'use client';

import { useQuery } from '@tanstack/react-query';
import { parseAsStringLiteral, useQueryState } from 'nuqs';
import { api, trpc } from '../../../../components/trpc/client.ts';
import { usePages } from '../../../../components/trpc/use-pages.ts';
import { revocationKinds, tokenStates } from './words.ts';

/** Tokens run out without an event. */
const REFRESH_MS = 15_000;

export function useTokens() {
  const [state, setState] = useQueryState('state', parseAsStringLiteral(tokenStates));
  const input = { limit: 100, ...(state ? { state } : {}) };
  const { query, items: tokens } = usePages({
    pathKey: trpc.tokens.list.pathKey(),
    input,
    refetchMs: REFRESH_MS,
    fetchPage: (cursor, signal) => api.tokens.list.query({ ...input, cursor }, { signal }),
  });
  return { state, setState, query, tokens };
}

export function useRevocations() {
  const [kind, setKind] = useQueryState('kind', parseAsStringLiteral(revocationKinds));
  const input = { limit: 100, ...(kind ? { kind } : {}) };
  const { query, items: revocations } = usePages({
    pathKey: trpc.tokens.revocations.pathKey(),
    input,
    fetchPage: (cursor, signal) => api.tokens.revocations.query({ ...input, cursor }, { signal }),
  });
  return { kind, setKind, query, revocations };
}

export const useSigningKeys = () => useQuery(trpc.tokens.keys.queryOptions());
