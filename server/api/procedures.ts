/** What each procedure is and asks of its caller, read from the router. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server';
import { type Role, roles } from './contract.ts';

/** `role` and `capability` are both absent for public procedures. */
export type ProcedureInfo = {
  kind: 'query' | 'mutation';
  needs: { role: Role } | { capability: string } | null;
};

function needsOf(meta: unknown): ProcedureInfo['needs'] {
  if (typeof meta !== 'object' || meta === null) return null;
  if ('capability' in meta && typeof meta.capability === 'string') {
    return { capability: meta.capability };
  }
  const role = 'role' in meta ? roles.find((each) => each === meta.role) : undefined;
  return role ? { role } : null;
}

/** By name, as they are called. */
export function procedureInfo(router: AnyTRPCRouter): ReadonlyMap<string, ProcedureInfo> {
  // tRPC keeps them by their whole name; its type says so only for routers that are known.
  const procedures: Record<string, AnyTRPCProcedure> = router._def.procedures;
  return new Map(
    Object.entries(procedures).map(([name, { _def }]) => [
      name,
      { kind: _def.type === 'mutation' ? 'mutation' : 'query', needs: needsOf(_def.meta) },
    ]),
  );
}
