/**
 * Programs that the server's config file names, and systemd units. No shell, a fixed argument list, a small
 * environment, a time-out that ends the whole process group, and a bound on what is kept of the output.
 */
import { spawn } from 'node:child_process';
import type { NamedCommand } from '../../config.ts';
import type { RemedyOutcome, RemedyRequest } from './port.ts';

const MAX_OUTPUT = 16 * 1024;
const KILL_AFTER_MS = 2_000;

export function runCommand(command: NamedCommand, request: RemedyRequest): Promise<RemedyOutcome> {
  const [program = '', ...args] = command.run;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: command.cwd,
      // Nothing of the console's own environment, which holds its secrets.
      env: {
        NODE_ENV: 'production',
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LANG: 'C.UTF-8',
        WHEELHOUSE_RUN_ID: request.runId,
        WHEELHOUSE_TARGET_ID: request.target.id,
        WHEELHOUSE_TARGET_NAME: request.target.name,
        WHEELHOUSE_SYMPTOM: request.symptom ?? '',
        WHEELHOUSE_ATTEMPT: String(request.attempt ?? ''),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that what it started ends with it.
      detached: true,
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT) output += chunk.toString('utf8').replaceAll('\0', '');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const end = (signal: NodeJS.Signals) => {
      try {
        if (child.pid) process.kill(-child.pid, signal);
      } catch {
        // It has ended already.
      }
    };
    let hard: NodeJS.Timeout | undefined;
    const onAbort = () => {
      end('SIGTERM');
      hard = setTimeout(() => end('SIGKILL'), KILL_AFTER_MS);
    };
    if (request.signal.aborted) onAbort();
    request.signal.addEventListener('abort', onAbort, { once: true });
    child.on('error', (error) => {
      request.signal.removeEventListener('abort', onAbort);
      resolve({ ok: false, detail: `cannot be started: ${error.message}`, output: null });
    });
    child.on('close', (code, signal) => {
      clearTimeout(hard);
      request.signal.removeEventListener('abort', onAbort);
      if (request.signal.aborted) return reject(new Error('ended'));
      resolve({
        ok: code === 0,
        detail: signal ? `ended by ${signal}` : `exit code ${code}`,
        output: output || null,
      });
    });
  });
}

/** `systemctl restart`; the unit's name was checked against systemd's own alphabet. */
export function runSystemd(unit: string, request: RemedyRequest): Promise<RemedyOutcome> {
  return runCommand(
    { run: ['systemctl', '--no-ask-password', 'restart', '--', unit], timeoutSeconds: 30 },
    request,
  );
}
