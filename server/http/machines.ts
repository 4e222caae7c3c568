/** Ways in for programs: an API key with a scope, looked at before anything of the body is read. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { KeyPrincipal } from '../keys/index.ts';
import type { Authority } from '../platform/audit.ts';
import type { Identity } from './identity.ts';
import { sendProblem } from './problem.ts';

/** Refuses every request of `scope` that comes without a key that has `needed`. For `onRequest`, in a scope of its own. */
export function requireScope(scope: FastifyInstance, identity: Identity, needed: string): void {
  scope.decorateRequest('principal', null);
  scope.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const principal = await identity.principal(request);
    if (principal?.kind !== 'key') {
      return sendProblem(request, reply, 401, `Send an API key with the scope ${needed}.`);
    }
    if (!principal.scopes.includes(needed)) {
      const detail = `This needs a key with the scope ${needed}; this one has ${principal.scopes.join(', ') || 'none'}.`;
      return sendProblem(request, reply, 403, detail);
    }
    request.principal = principal;
  });
}

/** On whose behalf a request that passed `requireScope` changes something. */
export function machineAuthority(request: FastifyRequest, scope: string): Authority {
  // `requireScope` let nothing else through.
  const { id, name } = request.principal as KeyPrincipal;
  return { actor: { kind: 'key', id, name }, rule: `scope:${scope}`, requestId: request.id };
}
