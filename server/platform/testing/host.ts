/** A whole console over real HTTP, in this process, with an admin, a viewer, and their credentials. */
import { encode } from 'next-auth/jwt';
import { afterAll } from 'vitest';
import type { Role } from '../../api/contract.ts';
import { createHost, type Host } from '../../http/host.ts';
import type { Runtime } from '../../runtime.ts';
import type { Authority } from '../audit.ts';
import { testRuntime } from './index.ts';

export const testAuthority: Authority = {
  actor: { kind: 'system', id: null, name: 'test' },
  rule: 'test',
  requestId: null,
};
const PASSWORD = 'correct horse battery';

export type TestHost = {
  runtime: Runtime;
  host: Host;
  url: string;
  authSecret: string;
  /** A key of that role, without scopes. */
  keys: Record<Role, string>;
  admin: { id: string; email: string; password: string };
  /** Signs the admin in as the browser would have it. */
  session(): Promise<{ id: string; cookie: string }>;
  /** A session cookie of any content, signed with any secret. */
  cookie(
    payload: Record<string, unknown>,
    options?: { secret?: string; maxAge?: number },
  ): Promise<string>;
  call(path: string, init?: RequestInit): Promise<Response>;
};

export async function testHost(options: Parameters<typeof testRuntime>[0] = {}): Promise<TestHost> {
  const runtime = await testRuntime(options);
  const authSecret = runtime.secrets.derive('next-auth').toString('base64url');
  const secureCookies = runtime.config.WHEELHOUSE_PUBLIC_URL?.startsWith('https:') ?? false;
  const host = await createHost(runtime, { authSecret, secureCookies });
  afterAll(() => host.close());
  const url = `http://127.0.0.1:${host.port}`;
  const email = 'ada@example.com';
  await runtime.users.createAdmin(testAuthority, {
    email,
    name: 'Ada',
    password: PASSWORD,
    onlyFirst: false,
  });
  const [admin] = (await runtime.users.list({ limit: 1 })).items;
  if (!admin) throw new Error('the admin is missing');
  const key = async (role: Role) =>
    (await runtime.keys.create(testAuthority, { name: role, role, scopes: [] })).key;
  const name = secureCookies ? '__Secure-next-auth.session-token' : 'next-auth.session-token';
  const cookie: TestHost['cookie'] = async (payload, { secret = authSecret, maxAge = 3600 } = {}) =>
    `${name}=${await encode({ token: payload, secret, maxAge })}`;
  return {
    runtime,
    host,
    url,
    authSecret,
    keys: {
      viewer: await key('viewer'),
      operator: await key('operator'),
      admin: await key('admin'),
    },
    admin: { id: admin.id, email, password: PASSWORD },
    async session() {
      const result = await runtime.signIn.signInWithPassword({
        email,
        password: PASSWORD,
        address: '127.0.0.1',
        userAgent: 'test',
      });
      if (!result.ok) throw new Error(result.reason);
      const { sessionId, userId } = result;
      return { id: sessionId, cookie: await cookie({ uid: userId, sid: sessionId }) };
    },
    cookie,
    call: (path, init) => fetch(url + path, { redirect: 'manual', ...init }),
  };
}

export const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
export const json = (key: string, body: unknown): RequestInit => ({
  method: 'POST',
  headers: { ...bearer(key), 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
