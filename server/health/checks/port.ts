/** What a check is asked, and what it answers. */
import type { Symptom, TargetKind, TargetSettings } from '../contract.ts';

export type Probe = {
  kind: Exclude<TargetKind, 'heartbeat'>;
  /** With credentials. */
  url: string;
  headers: Record<string, string>;
  settings: TargetSettings;
  timeoutMs: number;
  signal: AbortSignal;
};
export type ProbeResult = {
  ok: boolean;
  symptom: Symptom | null;
  detail: string;
  tlsExpiresAt: Date | null;
};
