/** `POST /api/webhooks/alertmanager`: a receiver for Alertmanager's webhook; a key with the scope `webhook`. */
import type { FastifyInstance } from 'fastify';
import type { Runtime } from '../runtime.ts';
import type { Identity } from './identity.ts';
import { machineAuthority, requireScope } from './machines.ts';

const SCOPE = 'webhook';
const BODY_LIMIT = 1024 * 1024;

export function registerAlertmanager(
  app: FastifyInstance,
  runtime: Runtime,
  identity: Identity,
): void {
  app.register(async (scope) => {
    requireScope(scope, runtime, identity, SCOPE);
    scope.post('/api/webhooks/alertmanager', { bodyLimit: BODY_LIMIT }, async (request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .send(await runtime.alerts.receive(machineAuthority(request, SCOPE), request.body)),
    );
  });
}
