/** What every remedy is asked, and what it answers. */
export type RemedyOutcome = { ok: boolean; detail: string; output: string | null };
export type RemedyRequest = {
  runId: string;
  attempt: number | null;
  target: { id: string; name: string };
  symptom: string | null;
  incidentId: string | null;
  secret: string | null;
  signal: AbortSignal;
};
export const REMEDY_TIMEOUT_MS = 30_000;
