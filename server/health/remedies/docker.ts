/** Docker Engine API over its socket: `POST /containers/{id}/restart`, version 1.41 (Docker 20.10 and later). */
import { Client } from 'undici';
import type { RemedyOutcome } from './port.ts';

const STOP_SECONDS = 10;

export async function restartContainer(
  socketPath: string,
  container: string,
  signal: AbortSignal,
): Promise<RemedyOutcome> {
  const client = new Client('http://docker', { socketPath });
  try {
    const answer = await client.request({
      method: 'POST',
      path: `/v1.41/containers/${encodeURIComponent(container)}/restart?t=${STOP_SECONDS}`,
      headers: { 'content-length': '0' },
      signal,
    });
    const text = (await answer.body.text()).slice(0, 4_000);
    if (answer.statusCode === 204) {
      return { ok: true, detail: `container ${container} restarted`, output: null };
    }
    return {
      ok: false,
      detail: `Docker answered ${answer.statusCode}: ${messageOf(text)}`,
      output: text || null,
    };
  } catch (error) {
    if (signal.aborted) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no connection';
    return {
      ok: false,
      detail: `Docker is not reachable at ${socketPath} (${code})`,
      output: null,
    };
  } finally {
    await client.destroy();
  }
}

function messageOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) {
      return String(parsed.message).slice(0, 300);
    }
  } catch {
    // Not JSON: shown as it is.
  }
  return text.slice(0, 300) || 'no message';
}
