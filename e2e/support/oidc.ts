/**
 * A small OpenID Connect provider that checks what it gets: client, redirect URI, PKCE (S256), state and nonce.
 * It signs in whoever the test names, without asking.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export type Identity = { sub: string; email: string; email_verified: boolean; name: string };
export type Provider = {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Who is signed in there from now on. */
  become(identity: Identity): void;
  /** What was wrong with the requests so far. */
  faults: string[];
  close(): void;
};

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startProvider(): Promise<Provider> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const clientId = 'wheelhouse';
  const clientSecret = randomBytes(16).toString('hex');
  const codes = new Map<string, { challenge: string; nonce: string; redirect: string }>();
  const faults: string[] = [];
  let identity: Identity | null = null;
  let issuer = '';

  const token = (nonce: string) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: clientId, iat: now, exp: now + 300, nonce, ...identity };
    const unsigned = `${encode({ alg: 'RS256', typ: 'JWT', kid: 'k1' })}.${encode(claims)}`;
    return `${unsigned}.${sign('RSA-SHA256', Buffer.from(unsigned), privateKey).toString('base64url')}`;
  };
  const body = async (request: IncomingMessage) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    return new URLSearchParams(text);
  };
  const authorize = (query: URLSearchParams): string => {
    for (const name of ['state', 'nonce', 'code_challenge', 'redirect_uri']) {
      if (!query.get(name)) faults.push(`authorize without ${name}`);
    }
    if (query.get('code_challenge_method') !== 'S256') faults.push('PKCE is not S256');
    if (query.get('client_id') !== clientId) faults.push('another client');
    const code = randomBytes(16).toString('hex');
    const redirect = query.get('redirect_uri') ?? '';
    codes.set(code, {
      challenge: query.get('code_challenge') ?? '',
      nonce: query.get('nonce') ?? '',
      redirect,
    });
    return `${redirect}?${new URLSearchParams({ code, state: query.get('state') ?? '' })}`;
  };
  const exchange = (form: URLSearchParams, authorization: string | undefined) => {
    const known = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    if (authorization !== `Basic ${basic}`) faults.push('the client did not prove itself');
    if (!known || verifier !== known.challenge) faults.push('the PKCE verifier does not fit');
    if (form.get('redirect_uri') !== known?.redirect) faults.push('another redirect URI');
    return {
      access_token: 'a',
      token_type: 'Bearer',
      expires_in: 300,
      id_token: token(known?.nonce ?? ''),
    };
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (url.pathname === '/.well-known/openid-configuration') {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        token_endpoint_auth_methods_supported: ['client_secret_basic'],
        code_challenge_methods_supported: ['S256'],
      });
    }
    if (url.pathname === '/jwks') {
      return json({
        keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }],
      });
    }
    if (url.pathname === '/authorize') {
      return response.writeHead(302, { location: authorize(url.searchParams) }).end();
    }
    if (url.pathname === '/token')
      return json(exchange(await body(request), request.headers.authorization));
    response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  return {
    issuer,
    clientId,
    clientSecret,
    faults,
    become: (next) => {
      identity = next;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
