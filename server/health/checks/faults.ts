/** Turns whatever a connection threw into a plain sentence and a class of symptom. Pure. */
import type { Symptom } from '../contract.ts';

export type Fault = { symptom: Symptom; detail: string };

const byCode: Record<string, Fault> = {
  ECONNREFUSED: { symptom: 'refused', detail: 'connection refused: nothing listens there' },
  ECONNRESET: { symptom: 'reset', detail: 'the connection was reset' },
  EPIPE: { symptom: 'reset', detail: 'the connection was closed' },
  UND_ERR_SOCKET: { symptom: 'reset', detail: 'the connection was closed before an answer came' },
  HPE_INVALID_CONSTANT: { symptom: 'protocol', detail: 'the answer is not HTTP' },
  ENOTFOUND: { symptom: 'dns', detail: 'the host name does not resolve' },
  EAI_AGAIN: { symptom: 'dns', detail: 'the name server does not answer' },
  EAI_FAIL: { symptom: 'dns', detail: 'the name server failed' },
  ENETUNREACH: { symptom: 'unreachable', detail: 'the network is unreachable' },
  EHOSTUNREACH: { symptom: 'unreachable', detail: 'the host is unreachable' },
  ENETDOWN: { symptom: 'unreachable', detail: 'the network is down' },
  EADDRNOTAVAIL: { symptom: 'unreachable', detail: 'no local address is free' },
  EMFILE: { symptom: 'unreachable', detail: 'the console has no free file descriptors' },
  ENFILE: { symptom: 'unreachable', detail: 'the system has no free file descriptors' },
  CERT_HAS_EXPIRED: { symptom: 'tls', detail: 'the TLS certificate has expired' },
  CERT_NOT_YET_VALID: { symptom: 'tls', detail: 'the TLS certificate is not valid yet' },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    symptom: 'tls',
    detail: 'the TLS certificate is for another name',
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: { symptom: 'tls', detail: 'the TLS certificate is self-signed' },
  SELF_SIGNED_CERT_IN_CHAIN: {
    symptom: 'tls',
    detail: 'the TLS certificate chain ends in a self-signed certificate',
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    symptom: 'tls',
    detail: 'the TLS certificate chain is incomplete',
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    symptom: 'tls',
    detail: 'the issuer of the TLS certificate is unknown',
  },
  EPROTO: { symptom: 'tls', detail: 'TLS could not be negotiated' },
  ERR_SSL_WRONG_VERSION_NUMBER: { symptom: 'tls', detail: 'the port does not speak TLS' },
  EADDRREFUSED: {
    symptom: 'address',
    detail: 'the address is link-local or a cloud metadata service, which are never connected to',
  },
  '28P01': { symptom: 'auth', detail: 'PostgreSQL refused the password' },
  '28000': { symptom: 'auth', detail: 'PostgreSQL refused the user' },
  '3D000': { symptom: 'protocol', detail: 'the database does not exist' },
  '53300': { symptom: 'protocol', detail: 'PostgreSQL has no free connections' },
  '57P03': { symptom: 'protocol', detail: 'PostgreSQL is starting up or shutting down' },
};
const timeouts = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ABORT_ERR',
]);

export function describeFault(error: unknown, timeoutMs: number): Fault {
  for (const each of causes(error)) {
    const code = 'code' in each ? String(each.code) : '';
    if (timeouts.has(code) || each.name === 'TimeoutError' || each.name === 'AbortError') {
      return { symptom: 'timeout', detail: `no answer within ${timeoutMs} ms` };
    }
    const known = byCode[code];
    if (known) return known;
    if (/^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO)/.test(code)) {
      return { symptom: 'tls', detail: `TLS: ${each.message.slice(0, 200)}` };
    }
    if (/^HPE_/.test(code)) return { symptom: 'protocol', detail: 'the answer is not HTTP' };
    if (/timeout|timed out/i.test(each.message)) {
      return { symptom: 'timeout', detail: `no answer within ${timeoutMs} ms` };
    }
    if (/^(NOAUTH|WRONGPASS|ERR invalid password)/.test(each.message)) {
      return { symptom: 'auth', detail: 'Redis refused the password' };
    }
    if (/Connection terminated|Connection is closed/i.test(each.message)) {
      return { symptom: 'reset', detail: 'the connection was closed' };
    }
  }
  const message = error instanceof Error ? error.message : String(error);
  return { symptom: 'other', detail: message.slice(0, 200) || 'unknown fault' };
}

/** The error, what it wraps, and what its causes are; at most eight. */
function causes(error: unknown): Error[] {
  const found: Error[] = [];
  const queue: unknown[] = [error];
  while (queue.length > 0 && found.length < 8) {
    const each = queue.shift();
    if (!(each instanceof Error)) continue;
    found.push(each);
    if (each instanceof AggregateError) queue.push(...each.errors);
    queue.push(each.cause);
  }
  return found;
}

/** Faults that a prober without a network sees everywhere. */
export function saysNothingArrived(symptom: Symptom | null): boolean {
  return symptom === 'dns' || symptom === 'unreachable' || symptom === 'timeout';
}
