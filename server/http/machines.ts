/** Ways in for programs: an API key or a token with a scope, looked at before anything of the body is read. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { capabilities } from '../api/scopes.ts';
import type { MachinePrincipal } from '../api/trpc.ts';
import type { Authority } from '../platform/audit.ts';
import type { Runtime } from '../runtime.ts';
import type { Identity } from './identity.ts';
import { sendProblem } from './problem.ts';

/**
 * Refuses every request of `scope` that comes without a key or token that has `needed`, or that a policy denies the tool of
 * that name. For `onRequest`, in a scope of its own.
 */
export function requireScope(
  scope: FastifyInstance,
  { policies }: Pick<Runtime, 'policies'>,
  identity: Identity,
  needed: keyof typeof capabilities,
): void {
  scope.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const principal = await identity.principal(request);
    if (!principal || principal.kind === 'user') {
      const detail = request.refused?.detail ?? `Send an API key with the scope ${needed}.`;
      return sendProblem(request, reply, 401, detail);
    }
    if (!principal.scopes.includes(needed)) {
      const detail = `This needs the scope ${needed}; this ${principal.kind} has ${principal.scopes.join(', ') || 'none'}.`;
      return sendProblem(request, reply, 403, detail);
    }
    const decision = policies.check(principal, needed, 'query', request.ip);
    if (!decision.allowed) return sendProblem(request, reply, 403, decision.reason);
    request.principal = principal;
  });
}

/** On whose behalf a request that passed `requireScope` changes something. */
export function machineAuthority(request: FastifyRequest, scope: string): Authority {
  // `requireScope` let nothing else through.
  const { kind, id, name } = request.principal as MachinePrincipal;
  return { actor: { kind, id, name }, rule: `scope:${scope}`, requestId: request.id };
}
