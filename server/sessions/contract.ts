import { z } from 'zod';
import { idPageSchema } from '../api/contract.ts';

export const sessionListSchema = idPageSchema.extend({
  /** Another person's sessions; admin only. */
  userId: z.uuid().optional(),
});
export const sessionIdSchema = z.strictObject({ id: z.uuid() });

export type SessionItem = {
  id: string;
  current: boolean;
  method: string;
  address: string;
  userAgent: string;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string;
};

export type SignInRefusal = 'invalid' | 'locked' | 'busy' | 'unavailable';

/** What the next-auth route needs from the server process; set on `globalThis` by `server/main.ts`. */
export type AuthBridge = {
  secret: string;
  secureCookies: boolean;
  sessionMaxAgeSeconds: number;
  oidc: { issuer: string; clientId: string; clientSecret: string; name: string } | null;
  /** Checks a password and opens a session. */
  signInWithPassword(input: {
    email: string;
    password: string;
    address: string;
    userAgent: string;
  }): Promise<
    | { ok: true; userId: string; sessionId: string }
    | { ok: false; reason: SignInRefusal; retryAfterSeconds?: number }
  >;
  /** Maps a verified identity to an account and opens a session; null when there is none for it. */
  signInWithOidc(input: {
    subject: string;
    email: string | null;
    emailVerified: boolean;
    name: string | null;
    address: string;
    userAgent: string;
  }): Promise<{ userId: string; sessionId: string } | null>;
  signOut(sessionId: string): Promise<void>;
};
