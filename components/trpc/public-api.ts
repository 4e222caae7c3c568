/** Calls that need no session, for pages that must stay small: plain fetch, typed by the router. */
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import type { ErrorData } from '../../server/api/contract.ts';
import type { AppRouter } from '../../server/api/router.ts';
import type { Failure } from './errors.ts';

type Inputs = inferRouterInputs<AppRouter>['users'];
type Outputs = inferRouterOutputs<AppRouter>['users'];
type Answer<T> = { ok: true; data: T } | { ok: false; failure: Failure };

const nobody: Failure = {
  message: 'The console does not answer. Try again in a moment.',
  status: 0,
  requestId: null,
  fields: [],
};

async function call<T>(path: string, init?: RequestInit): Promise<Answer<T>> {
  try {
    const response = await fetch(`/api/trpc/users.${path}`, init);
    // The router's type describes the answer; both are built from the same source.
    const body = (await response.json()) as
      | { result: { data: T } }
      | { error: { message: string; data: ErrorData } };
    if ('result' in body) return { ok: true, data: body.result.data };
    if (!('error' in body)) return { ok: false, failure: { ...nobody, status: response.status } };
    const { message, data } = body.error;
    return {
      ok: false,
      failure: {
        message,
        status: data.httpStatus,
        requestId: data.requestId,
        fields: data.fields ?? [],
      },
    };
  } catch {
    return { ok: false, failure: nobody };
  }
}

export const publicApi = {
  signInOptions: () => call<Outputs['signInOptions']>('signInOptions'),
  setupState: () => call<Outputs['setupState']>('setupState'),
  inviteState: (input: Inputs['inviteState']) =>
    call<Outputs['inviteState']>(`inviteState?input=${encodeURIComponent(JSON.stringify(input))}`),
  setup: (input: Inputs['setup']) => call<Outputs['setup']>('setup', post(input)),
  acceptInvite: (input: Inputs['acceptInvite']) =>
    call<Outputs['acceptInvite']>('acceptInvite', post(input)),
};

function post(input: unknown): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  };
}
