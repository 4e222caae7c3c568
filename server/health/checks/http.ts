/** HTTP check: status, body, latency, and the end of the certificate. */
import type { HttpClient } from '../../platform/http-client.ts';
import type { Expect } from '../contract.ts';
import { describeFault } from './faults.ts';
import type { Probe, ProbeResult } from './port.ts';

const MAX_REDIRECTS = 5;
// Enough to keep a connection usable after a page of usual size.
const READ_BYTES = 256 * 1024;
const SEARCH_BYTES = 1024 * 1024;
const STALE = new Set(['ECONNRESET', 'UND_ERR_SOCKET', 'EPIPE']);

export async function checkHttp(http: HttpClient, probe: Probe): Promise<ProbeResult> {
  const { url, settings, timeoutMs, signal } = probe;
  const { expect } = settings;
  const wanted = statuses(expect);
  const request = {
    url,
    method: settings.method,
    headers: { accept: '*/*', ...probe.headers },
    timeoutMs,
    maxBodyBytes: expect.bodyIncludes === undefined ? READ_BYTES : SEARCH_BYTES,
    // Who expects a redirect wants to see it.
    maxRedirects: wanted?.some((status) => status >= 300 && status < 400) ? 0 : MAX_REDIRECTS,
    verifyTls: settings.verifyTls,
    signal,
  };
  try {
    const answer = await http.send(request).catch((error) => {
      // The server ended a kept connection just as it was used: one more try on a fresh one.
      if (error instanceof Error && 'code' in error && STALE.has(String(error.code))) {
        return http.send(request);
      }
      throw error;
    });
    const fault = wrong(answer.status, wanted) ?? missing(answer.body, answer.truncated, expect);
    return {
      ok: fault === null,
      symptom: fault?.symptom ?? null,
      detail: fault?.detail ?? `status ${answer.status}`,
      tlsExpiresAt: answer.tlsExpiresAt,
    };
  } catch (error) {
    return { ok: false, ...describeFault(error, timeoutMs), tlsExpiresAt: null };
  }
}

function statuses(expect: Expect): readonly number[] | null {
  if (expect.status === undefined) return null;
  return Array.isArray(expect.status) ? expect.status : [expect.status];
}

function wrong(status: number, wanted: readonly number[] | null) {
  const right = wanted ? wanted.includes(status) : status >= 200 && status < 400;
  if (right) return null;
  const expected = wanted ? wanted.join(' or ') : '200 to 399';
  return { symptom: 'status' as const, detail: `status ${status}, expected ${expected}` };
}

function missing(body: Buffer, truncated: boolean, { bodyIncludes }: Expect) {
  if (bodyIncludes === undefined || body.includes(bodyIncludes)) return null;
  const where = truncated ? ` in the first ${SEARCH_BYTES / 1024} KiB` : '';
  return {
    symptom: 'body' as const,
    detail: `the body does not contain "${bodyIncludes.slice(0, 100)}"${where}`,
  };
}
