/** `GET /.well-known/jwks.json`: the public halves of the keys that sign tokens (RFC 7517), for whoever verifies them elsewhere. */
import type { FastifyInstance } from 'fastify';
import type { Runtime } from '../runtime.ts';
import { JWKS_MAX_AGE_SECONDS } from '../tokens/contract.ts';

export const JWKS_PATH = '/.well-known/jwks.json';

export function registerJwks(app: FastifyInstance, { tokens }: Pick<Runtime, 'tokens'>): void {
  app.get(JWKS_PATH, (_request, reply) =>
    reply
      .header('cache-control', `public, max-age=${JWKS_MAX_AGE_SECONDS}`)
      .type('application/jwk-set+json')
      .send(JSON.stringify(tokens.jwks())),
  );
}
