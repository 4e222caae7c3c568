/**
 * One check of one target. Every check has a time-out, reads a bounded answer, never throws, and says in a plain
 * sentence what it saw. Addresses are held against the same list as all outgoing calls of the console.
 */
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { CheckResult, TargetSettings } from '../contract.ts';
import { defaults } from '../contract.ts';
import { checkPostgres, checkRedis, checkTcp } from './connections.ts';
import { describeFault } from './faults.ts';
import { checkHttp } from './http.ts';
import type { Probe, ProbeResult } from './port.ts';

export { saysNothingArrived } from './faults.ts';
export type { Probe } from './port.ts';

export type Prober = (probe: Probe) => Promise<CheckResult>;

// A check that ignores its own time-out is given up this much later.
const GRACE_MS = 1_000;
const DAY_MS = 86_400_000;

export function createProber(deps: { http: HttpClient; clock: Clock }): Prober {
  const { http, clock } = deps;
  const run = (probe: Probe): Promise<ProbeResult> => {
    switch (probe.kind) {
      case 'http':
        return checkHttp(http, probe);
      case 'tcp':
        return checkTcp(http.addresses, probe);
      case 'postgres':
        return checkPostgres(http.addresses, probe);
      case 'redis':
        return checkRedis(http.addresses, probe);
    }
  };
  return async (probe) => {
    const at = clock.now();
    const began = performance.now();
    const found = await bounded(run(probe), probe.timeoutMs);
    const latencyMs = performance.now() - began;
    return {
      at: at.toISOString(),
      ok: found.ok,
      latencyMs:
        found.ok || found.symptom === 'status' || found.symptom === 'body' ? latencyMs : null,
      detail: found.detail,
      symptom: found.symptom,
      impaired: found.ok ? impairment(probe.settings, latencyMs, found.tlsExpiresAt, at) : null,
      tlsExpiresAt: found.tlsExpiresAt?.toISOString() ?? null,
    };
  };
}

async function bounded(check: Promise<ProbeResult>, timeoutMs: number): Promise<ProbeResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ProbeResult>((resolve) => {
    timer = setTimeout(
      () =>
        resolve({
          ok: false,
          symptom: 'timeout',
          detail: `no answer within ${timeoutMs} ms`,
          tlsExpiresAt: null,
        }),
      timeoutMs + GRACE_MS,
    );
  });
  try {
    return await Promise.race([
      check.catch((error) => ({
        ok: false,
        ...describeFault(error, timeoutMs),
        tlsExpiresAt: null,
      })),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function impairment(
  settings: TargetSettings,
  latencyMs: number,
  tlsExpiresAt: Date | null,
  now: Date,
): string | null {
  const bound = settings.expect.maxLatencyMs ?? defaults.maxLatencyMs;
  if (latencyMs > bound) return `answered in ${Math.round(latencyMs)} ms, more than ${bound} ms`;
  if (tlsExpiresAt === null) return null;
  const days = (tlsExpiresAt.getTime() - now.getTime()) / DAY_MS;
  if (days > settings.tlsWarnDays) return null;
  return days < 0
    ? 'the TLS certificate has expired'
    : `the TLS certificate ends in ${Math.floor(days)} days`;
}
