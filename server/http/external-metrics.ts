/**
 * `/apis/external.metrics.k8s.io/v1beta1`: the External Metrics API of Kubernetes, for its autoscaler and for KEDA. By a key
 * or token, or signed in, with the role viewer; every failure is a `Status`. The namespace in the path is not looked at: who may
 * read is the key's business. A request of the cluster's aggregation layer comes without a key, so something that adds one
 * stands before it, see deploy/kubernetes/external-metrics.yaml.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { roleAllows } from '../api/contract.ts';
import { scopesAllow } from '../api/scopes.ts';
import { publicError, scopesOf } from '../api/trpc.ts';
import {
  apiGroup,
  apiGroupList,
  readMetricSchema,
  readSelector,
  resourceList,
  statusOf,
  valueList,
} from '../capacity/index.ts';
import { AppError, errorCodes } from '../platform/errors.ts';
import type { Runtime } from '../runtime.ts';
import type { Identity } from './identity.ts';
import { RETRY_AFTER_SECONDS } from './problem.ts';

const TOOL = 'capacity.scaling.get';
const GROUP = '/apis/external.metrics.k8s.io';

export function registerExternalMetrics(
  app: FastifyInstance,
  runtime: Runtime,
  identity: Identity,
): void {
  const { scaling } = runtime.capacity;
  app.register(async (scope) => {
    const fail = (reply: FastifyReply, code: number, message: string): FastifyReply => {
      // RFC 6750, section 3.
      if (code === 401) reply.header('www-authenticate', 'Bearer realm="wheelhouse"');
      if (code === 503) reply.header('retry-after', String(RETRY_AFTER_SECONDS));
      return send(reply.code(code), statusOf(code, message));
    };
    const send = (reply: FastifyReply, body: object): FastifyReply =>
      reply.header('cache-control', 'no-store').type('application/json').send(JSON.stringify(body));
    scope.addHook('onRequest', async (request, reply) => {
      const principal = await identity.principal(request);
      if (!principal) {
        const detail = request.refused?.detail ?? 'Send an API key with the role viewer.';
        return fail(reply, 401, detail);
      }
      if (!roleAllows(principal.role, 'viewer'))
        return fail(reply, 403, `This needs the role viewer; yours is ${principal.role}.`);
      if (!scopesAllow(scopesOf(principal), TOOL))
        return fail(reply, 403, `The scopes of this ${principal.kind} do not name ${TOOL}.`);
      const decision = runtime.policies.check(principal, TOOL, 'query', request.ip);
      if (!decision.allowed) return fail(reply, 403, decision.reason);
      request.principal = principal;
    });
    scope.setErrorHandler((error, request, reply) => {
      const mapped = publicError(error);
      if (!mapped.expected)
        runtime.log.error({ err: error, requestId: request.id }, 'request failed');
      return fail(reply, errorCodes[mapped.code], mapped.message);
    });
    scope.get('/apis', async (_request, reply) => send(reply, apiGroupList));
    scope.get(GROUP, async (_request, reply) => send(reply, apiGroup));
    scope.get(`${GROUP}/v1beta1`, async (_request, reply) =>
      send(reply, resourceList(await scaling.names())),
    );
    scope.get<{ Params: { metric: string }; Querystring: { labelSelector?: string | string[] } }>(
      `${GROUP}/v1beta1/namespaces/:namespace/:metric`,
      async (request, reply) => {
        const { name } = readMetricSchema.parse({ name: request.params.metric });
        const { labelSelector = '' } = request.query;
        const wanted = readSelector(String(labelSelector));
        if (!wanted) throw new AppError('BAD_REQUEST', 'labelSelector: this is none.');
        const reading = await scaling.get(name);
        return send(reply, valueList(wanted(reading.labels) ? [reading] : []));
      },
    );
  });
}
