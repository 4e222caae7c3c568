/**
 * next-auth, the only server code among the pages. Accounts, passwords and sessions belong to the server process,
 * which leaves an `AuthBridge` on `globalThis`; this file only turns its answers into a cookie.
 */

import type { NextRequest } from 'next/server';
import NextAuth, { type AuthOptions } from 'next-auth';
import CredentialsProvider from 'next-auth/providers/credentials';
import type { AuthBridge } from '../../../../server/sessions/contract.ts';

// `server/main.ts` sets it before the first request is accepted.
const host: { __wheelhouseAuth?: AuthBridge } = globalThis;

type OidcProfile = {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
  preferred_username?: string;
};
type Opened = { userId: string; sessionId: string };
type Caller = { address: string; userAgent: string };

function providers(
  bridge: AuthBridge,
  caller: Caller,
  opened: (session: Opened) => void,
): AuthOptions['providers'] {
  const list: AuthOptions['providers'] = [
    CredentialsProvider({
      credentials: { email: {}, password: {} },
      async authorize(given) {
        const answer = await bridge.signInWithPassword({
          email: String(given?.email ?? ''),
          password: String(given?.password ?? ''),
          ...caller,
        });
        if (!answer.ok) {
          // The message comes back in the `error` query of the answered address.
          throw new Error(
            answer.retryAfterSeconds === undefined
              ? answer.reason
              : `${answer.reason}:${answer.retryAfterSeconds}`,
          );
        }
        opened(answer);
        return { id: answer.userId };
      },
    }),
  ];
  if (bridge.oidc) {
    const { issuer, clientId, clientSecret, name } = bridge.oidc;
    list.push({
      id: 'oidc',
      name,
      type: 'oauth',
      wellKnown: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
      idToken: true,
      checks: ['pkce', 'state', 'nonce'],
      authorization: { params: { scope: 'openid email profile' } },
      clientId,
      clientSecret,
      profile: (profile: OidcProfile) => ({
        id: profile.sub,
        email: profile.email ?? null,
        name: profile.name ?? profile.preferred_username ?? null,
      }),
    });
  }
  return list;
}

function options(bridge: AuthBridge, caller: Caller): AuthOptions {
  let session: Opened | null = null;
  return {
    secret: bridge.secret,
    useSecureCookies: bridge.secureCookies,
    session: { strategy: 'jwt', maxAge: bridge.sessionMaxAgeSeconds },
    pages: { signIn: '/sign-in', error: '/sign-in' },
    providers: providers(bridge, caller, (opened) => {
      session = opened;
    }),
    callbacks: {
      async signIn({ account, user, profile }) {
        if (account?.provider !== 'oidc') return session !== null;
        const claims: Partial<OidcProfile> = profile ?? {};
        session = await bridge.signInWithOidc({
          subject: account.providerAccountId,
          email: user.email ?? null,
          emailVerified: claims.email_verified === true,
          name: user.name ?? null,
          ...caller,
        });
        return session !== null;
      },
      jwt: ({ token }) =>
        session
          ? { uid: session.userId, sid: session.sessionId }
          : { uid: token.uid, sid: token.sid },
      session: ({ session: { expires } }) => ({ expires }),
    },
    events: {
      async signOut({ token }) {
        if (typeof token?.sid === 'string') await bridge.signOut(token.sid);
      },
    },
  };
}

async function handle(request: NextRequest, context: { params: Promise<{ nextauth: string[] }> }) {
  const bridge = host.__wheelhouseAuth;
  if (!bridge) {
    return Response.json({ title: 'Sign-in is not available yet.', status: 503 }, { status: 503 });
  }
  const caller = {
    address: request.headers.get('x-wheelhouse-address') ?? '',
    userAgent: request.headers.get('user-agent') ?? '',
  };
  return NextAuth(request, context, options(bridge, caller));
}

export { handle as GET, handle as POST };
