/**
 * What heals: one port, five adapters. A remedy either did what it was asked to (`ok`) or says why not; whether
 * the target came back is judged by its checks alone. Every remedy has a time-out, can be aborted, is asked at
 * most once a run (the run's id is its idempotency key), and keeps at most 16 KiB of what it printed.
 */

import type { NamedCommand } from '../../config.ts';
import type { Clock } from '../../platform/clock.ts';
import type { HttpClient } from '../../platform/http-client.ts';
import type { Remedy } from '../contract.ts';
import { runCommand, runSystemd } from './command.ts';
import { restartContainer } from './docker.ts';
import { restartDeployment } from './kubernetes.ts';
import { REMEDY_TIMEOUT_MS, type RemedyOutcome, type RemedyRequest } from './port.ts';
import { callWebhook } from './webhook.ts';

export type { RemedyOutcome, RemedyRequest } from './port.ts';

export type Remedies = {
  run(remedy: Remedy, request: RemedyRequest): Promise<RemedyOutcome>;
  /** A sentence when the remedy cannot work on this console, else null. */
  fault(remedy: Remedy): string | null;
  /** Longest that it may take. */
  timeoutMs(remedy: Remedy): number;
  /** Names of the commands in the config file. */
  commands(): string[];
};

const MAX_OUTPUT = 16 * 1024;

export function createRemedies(deps: {
  http: HttpClient;
  clock: Clock;
  commands: Readonly<Record<string, NamedCommand>>;
  dockerSocket: string;
}): Remedies {
  const { http, clock, commands, dockerSocket } = deps;
  const commandOf = (name: string) => (Object.hasOwn(commands, name) ? commands[name] : undefined);
  const timeoutMs = (remedy: Remedy) =>
    remedy.kind === 'command'
      ? (commandOf(remedy.name)?.timeoutSeconds ?? 30) * 1000
      : REMEDY_TIMEOUT_MS;
  const fault = (remedy: Remedy) => {
    if (remedy.kind !== 'command' || commandOf(remedy.name)) return null;
    const known = Object.keys(commands);
    return known.length > 0
      ? `There is no command ${remedy.name}; accepted: ${known.join(', ')}`
      : `There is no command ${remedy.name}: the config file (WHEELHOUSE_CONFIG) names none`;
  };
  const perform = async (remedy: Remedy, request: RemedyRequest): Promise<RemedyOutcome> => {
    switch (remedy.kind) {
      case 'webhook':
        return callWebhook(http, clock, remedy.url, request);
      case 'command': {
        const command = commandOf(remedy.name);
        if (!command) return { ok: false, detail: fault(remedy) ?? 'unknown', output: null };
        return runCommand(command, request);
      }
      case 'docker':
        return restartContainer(dockerSocket, remedy.container, request.signal);
      case 'kubernetes':
        return restartDeployment(remedy, clock.now(), request.signal);
      case 'systemd':
        return runSystemd(remedy.unit, request);
    }
  };
  return {
    fault,
    timeoutMs,
    commands: () => Object.keys(commands).sort(),
    async run(remedy, request) {
      const limit = timeoutMs(remedy);
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(limit)]);
      try {
        const outcome = await perform(remedy, { ...request, signal });
        return { ...outcome, output: outcome.output?.slice(0, MAX_OUTPUT) ?? null };
      } catch (error) {
        if (request.signal.aborted) return { ok: false, detail: 'stopped', output: null };
        if (signal.aborted) {
          return { ok: false, detail: `did not end within ${limit / 1000} s`, output: null };
        }
        const message = error instanceof Error ? error.message : String(error);
        return { ok: false, detail: message.slice(0, 500), output: null };
      }
    },
  };
}
