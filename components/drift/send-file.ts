/** Sends a file in parts; what breaks off goes on where it was. */
import { PART_BYTES } from '../../server/drift/contract.ts';
import { goToSignIn } from '../trpc/client.ts';

const TRIES = 5;
const PAUSE_MS = 1_000;
/** A line that breaks off each part of the full size may be a slow one: a request has half a minute. */
const LEAST_BYTES = 256 * 1024;

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

export async function sendFile(
  id: string,
  file: File,
  given: { signal: AbortSignal; onSent(bytes: number): void },
): Promise<void> {
  const { signal, onSent } = given;
  let offset = 0;
  let failures = 0;
  let partBytes = PART_BYTES;
  while (offset < file.size) {
    let answer: Response | null = null;
    try {
      answer = await fetch(`/api/drift/uploads/${id}?offset=${offset}`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: file.slice(offset, offset + partBytes),
        credentials: 'same-origin',
        signal,
      });
    } catch (error) {
      if (signal.aborted || ++failures >= TRIES) throw error;
      partBytes = Math.max(LEAST_BYTES, partBytes / 4);
      await wait(PAUSE_MS * failures, signal);
      continue;
    }
    if (answer.ok) {
      const { receivedBytes }: { receivedBytes: number } = await answer.json();
      offset = receivedBytes;
      failures = 0;
      onSent(offset);
      continue;
    }
    if (answer.status === 401) goToSignIn();
    const passing = answer.status === 408 || answer.status === 429 || answer.status === 503;
    if (answer.status === 408) partBytes = Math.max(LEAST_BYTES, partBytes / 4);
    if (!passing || ++failures >= TRIES) {
      const problem: { detail?: string } = await answer.json().catch(() => ({}));
      throw new Error(problem.detail ?? 'The file could not be sent.');
    }
    const seconds = Number(answer.headers.get('retry-after') ?? 1);
    await wait(Math.min(60, Math.max(1, seconds)) * 1_000, signal);
  }
}
