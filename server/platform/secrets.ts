/**
 * Encryption at rest and key derivation. One root secret (`WHEELHOUSE_SECRET` or the data folder's) gives a
 * key for each purpose by HKDF-SHA256 (RFC 5869); texts are sealed with AES-256-GCM under a random 96-bit
 * nonce. `context` is bound as additional data, so that a sealed text moved to another row does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from './errors.ts';

export type Secrets = {
  /** A 256-bit key for one purpose, e.g. `sessions`. */
  derive(purpose: string): Buffer;
  seal(plaintext: string, context: string): string;
  /** Throws when the text was changed, moved, or sealed under another secret. */
  open(sealed: string, context: string): string;
};

const VERSION = 'v1';

export function createSecrets(root: string): Secrets {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', root, 'wheelhouse', purpose, 32));
  const sealing = derive('seal');
  return {
    derive,
    seal(plaintext, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce);
      cipher.setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return `${VERSION}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(sealed, context) {
      const [version, payload, ...rest] = sealed.split('.');
      const bytes = Buffer.from(payload ?? '', 'base64url');
      if (version !== VERSION || rest.length > 0 || bytes.length < 28) {
        throw new AppError('INTERNAL_SERVER_ERROR', 'A stored secret has an unknown format.');
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, 12));
        decipher.setAAD(Buffer.from(context));
        decipher.setAuthTag(bytes.subarray(12, 28));
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString(
          'utf8',
        );
      } catch (cause) {
        throw new AppError(
          'INTERNAL_SERVER_ERROR',
          'A stored secret cannot be decrypted; was WHEELHOUSE_SECRET changed?',
          { cause },
        );
      }
    },
  };
}
