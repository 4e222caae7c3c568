/**
 * The keys that sign tokens. There is always one that signs and one that will be next and is published already, so that whoever
 * keeps the public keys for a while knows a key before it signs. A retired key verifies until the last token that it signed has
 * expired; its private half is erased when it stops signing.
 */
import { randomBytes } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db/index.ts';
import type { Log } from '../platform/log.ts';
import type { Secrets } from '../platform/secrets.ts';
import { ALGORITHM } from './claims.ts';
import { CLOCK_TOLERANCE_SECONDS } from './contract.ts';

const KEYS_LOCK = 0x6a776b73;
const publicSchema = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() });
export type PublicJwk = z.infer<typeof publicSchema>;
type State = 'next' | 'current' | 'retired';
type VerifyingKey = { key: CryptoKey; jwk: PublicJwk; state: State; compromised: boolean };

export type Signing = {
  /** The public half by `kid`; from memory. */
  find(kid: string): VerifyingKey | undefined;
  /** Makes the first keys when there are none, and reads those that there are. */
  refresh(): Promise<void>;
  /** The key to sign with; it stays the current one until the transaction ends. */
  current(tx: Tx): Promise<{ kid: string; key: CryptoKey }>;
  /** The next key becomes the current one. `compromised` ends that key for good, whatever its state. */
  rotate(tx: Tx, compromised?: string): Promise<{ kid: string; retired: string | null }>;
  /** Deletes retired keys whose last token has expired. */
  prune(tx: Tx): Promise<number>;
  published(): (PublicJwk & { kid: string; alg: string; use: 'sig' })[];
};

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM);
  if (key instanceof Uint8Array) throw new Error('an Ed25519 key is no secret');
  return key;
}

export function createSigning(deps: { db: Db; clock: Clock; log: Log; secrets: Secrets }): Signing {
  const { db, clock, secrets } = deps;
  let keys = new Map<string, VerifyingKey>();
  let signer: { kid: string; key: CryptoKey } | null = null;
  const context = (kid: string) => `tokens.signing:${kid}`;

  const make = async (tx: Tx, state: 'next' | 'current') => {
    const pair = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
    const kid = randomBytes(12).toString('base64url');
    const now = clock.now();
    await tx.tokenSigningKey.create({
      data: {
        kid,
        state,
        publicJwk: publicSchema.parse(await exportJWK(pair.publicKey)),
        privateJwk: secrets.seal(JSON.stringify(await exportJWK(pair.privateKey)), context(kid)),
        createdAt: now,
        activatedAt: state === 'current' ? now : null,
      },
      select: { kid: true },
    });
    return kid;
  };
  const alone = (tx: Tx) => tx.$executeRaw`SELECT pg_advisory_xact_lock(${KEYS_LOCK})`;
  const ensure = () =>
    db.tx(async (tx) => {
      await alone(tx);
      const states = await tx.tokenSigningKey.findMany({
        where: { state: { not: 'retired' } },
        select: { state: true },
      });
      for (const state of ['current', 'next'] as const) {
        if (!states.some((each) => each.state === state)) await make(tx, state);
      }
    });
  const load = async () => {
    const { rows } = await db.pool.query<{
      kid: string;
      state: State;
      public_jwk: unknown;
      revoked_at: Date | null;
    }>({
      name: 'token-keys',
      text: 'SELECT kid, state, public_jwk, revoked_at FROM token_signing_keys ORDER BY created_at, kid',
    });
    const found = new Map<string, VerifyingKey>();
    for (const row of rows) {
      const jwk = publicSchema.parse(row.public_jwk);
      const key = keys.get(row.kid)?.key ?? (await importKey(jwk));
      found.set(row.kid, { key, jwk, state: row.state, compromised: row.revoked_at !== null });
    }
    return found;
  };
  const prune = async (tx: Tx) => {
    const alive = new Date(clock.now().getTime() - CLOCK_TOLERANCE_SECONDS * 1000);
    return tx.$executeRaw`DELETE FROM token_signing_keys k WHERE k.state = 'retired' AND NOT EXISTS
      (SELECT 1 FROM issued_tokens t WHERE t.kid = k.kid AND t.expires_at > ${alive})`;
  };

  return {
    find: (kid) => keys.get(kid),
    async refresh() {
      let found = await load();
      const has = (state: State) => [...found.values()].some((key) => key.state === state);
      if (!has('current') || !has('next')) {
        await ensure();
        found = await load();
      }
      keys = found;
    },
    async current(tx) {
      // Shared with others that issue; a rotation waits for all of them. Who waited for a rotation finds no row that still fits,
      // and the new key when asking again.
      let row: { kid: string; private_jwk: string | null } | undefined;
      for (let attempt = 0; !row && attempt < 5; attempt++) {
        [row] = await tx.$queryRaw<{ kid: string; private_jwk: string | null }[]>`
          SELECT kid, private_jwk FROM token_signing_keys WHERE state = 'current' FOR SHARE`;
      }
      if (!row?.private_jwk) throw new Error('there is no key to sign with');
      if (signer?.kid !== row.kid) {
        const jwk: unknown = JSON.parse(secrets.open(row.private_jwk, context(row.kid)));
        signer = { kid: row.kid, key: await importKey(z.looseObject({}).parse(jwk)) };
      }
      return signer;
    },
    async rotate(tx, compromised) {
      await alone(tx);
      const now = clock.now();
      const rows = await tx.tokenSigningKey.findMany({
        where: { state: { not: 'retired' } },
        select: { kid: true, state: true },
      });
      const kidOf = (state: State) => rows.find((row) => row.state === state)?.kid ?? null;
      const end = { state: 'retired', retiredAt: now, privateJwk: null };
      const [current, next] = [kidOf('current'), kidOf('next')];
      if (compromised !== undefined) {
        await tx.tokenSigningKey.update({
          where: { kid: compromised },
          data: { ...end, revokedAt: now },
          select: { kid: true },
        });
        if (compromised !== current) {
          if (compromised === next) await make(tx, 'next');
          return { kid: current ?? '', retired: compromised };
        }
      } else if (current) {
        await tx.tokenSigningKey.update({
          where: { kid: current },
          data: end,
          select: { kid: true },
        });
      }
      if (next) {
        await tx.tokenSigningKey.update({
          where: { kid: next },
          data: { state: 'current', activatedAt: now },
          select: { kid: true },
        });
      }
      const kid = next ?? (await make(tx, 'current'));
      await make(tx, 'next');
      await prune(tx);
      return { kid, retired: current };
    },
    prune,
    published: () =>
      [...keys]
        .filter(([, key]) => !key.compromised)
        .map(([kid, { jwk }]) => ({ ...jwk, kid, alg: ALGORITHM, use: 'sig' as const })),
  };
}
