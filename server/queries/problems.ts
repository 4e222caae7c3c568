/** What went wrong with a watched database, as a word for programs and a plain sentence. Pure. */
import type { DatabaseProblem } from './contract.ts';

export type Trouble = { problem: DatabaseProblem; detail: string };

/** A finding of ours about a server that answers. */
export class DatabaseTrouble extends Error {
  readonly problem: DatabaseProblem;
  constructor(problem: DatabaseProblem, detail: string) {
    super(detail);
    this.problem = problem;
  }
}

const byCode: Readonly<Record<string, Trouble>> = {
  '28P01': { problem: 'password', detail: 'PostgreSQL refused the password.' },
  '28000': {
    problem: 'password',
    detail:
      'PostgreSQL refused the user: pg_hba.conf has no line for it, or the role may not log in.',
  },
  '3D000': { problem: 'missing', detail: 'The server has no such database.' },
  '42501': { problem: 'rights', detail: 'The role lacks rights; see the set-up.' },
  '53300': { problem: 'connections', detail: 'The server has no free connections.' },
  '57P03': { problem: 'starting', detail: 'The server is starting up or shutting down.' },
  '57P01': { problem: 'starting', detail: 'The server shut down or ended the connection.' },
  '57P02': { problem: 'starting', detail: 'The server crashed and is recovering.' },
  '57014': {
    problem: 'timeout',
    detail: 'A question took longer than its time-out and was cancelled.',
  },
  '55000': {
    problem: 'statistics',
    detail:
      'pg_stat_statements is installed but not loaded: add it to shared_preload_libraries and restart the server.',
  },
  ECONNREFUSED: { problem: 'unreachable', detail: 'Nothing listens at this address and port.' },
  ENOTFOUND: { problem: 'unreachable', detail: 'The host name does not resolve.' },
  EAI_AGAIN: { problem: 'unreachable', detail: 'The name server does not answer.' },
  EHOSTUNREACH: { problem: 'unreachable', detail: 'The host is unreachable.' },
  ENETUNREACH: { problem: 'unreachable', detail: 'The network is unreachable.' },
  ECONNRESET: { problem: 'starting', detail: 'The server closed the connection.' },
  EPIPE: { problem: 'starting', detail: 'The server closed the connection.' },
  ETIMEDOUT: { problem: 'timeout', detail: 'The host does not answer.' },
  EADDRREFUSED: {
    problem: 'address',
    detail: 'The address is link-local or a cloud metadata service, which are never connected to.',
  },
};

export function troubleOf(error: unknown): Trouble {
  for (let depth = 0, e: unknown = error; depth < 6 && e instanceof Error; depth++, e = e.cause) {
    if (e instanceof DatabaseTrouble) return { problem: e.problem, detail: e.message };
    const code = 'code' in e ? String(e.code) : '';
    const known = byCode[code];
    if (known) return known;
    if (e instanceof AggregateError) {
      const inner = e.errors.map(troubleOf).find(({ problem }) => problem !== 'other');
      if (inner) return inner;
    }
    if (/^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|EPROTO)/.test(code))
      return { problem: 'tls', detail: `TLS failed: ${code}.` };
    if (/does not support SSL/i.test(e.message))
      return { problem: 'tls', detail: 'The server does not speak TLS; the URL asks for it.' };
    if (
      e.name === 'TimeoutError' ||
      e.name === 'AbortError' ||
      /timeout|timed out/i.test(e.message)
    )
      return { problem: 'timeout', detail: 'The host does not answer.' };
    if (/SASL|password must be a string/i.test(e.message))
      return {
        problem: 'password',
        detail: 'The server asks for a password and the URL has none.',
      };
    if (/Connection terminated|closed the connection|not queryable/i.test(e.message))
      return { problem: 'starting', detail: 'The server closed the connection.' };
  }
  return {
    problem: 'other',
    detail: 'The look failed for a reason that the log of the console names.',
  };
}
