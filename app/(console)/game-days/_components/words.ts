/** What faults and results are called, and what a fault does. */
import type { StatusKind } from '../../../../components/data/status-badge.tsx';
import type { Fault, Outcome } from '../../../../server/gamedays/contract.ts';

export const faultWords: Record<
  Fault,
  { word: string; verb(service: string): string; does: string }
> = {
  kill: {
    word: 'Kill',
    verb: (service) => `Kill ${service}`,
    does: 'The process is killed and stays dead until its remedy restarts it.',
  },
  hang: {
    word: 'Hang',
    verb: (service) => `Hang ${service}`,
    does: 'It takes connections and never answers.',
  },
  latency: {
    word: 'Slow answers',
    verb: (service) => `Slow ${service} down`,
    does: 'Every answer comes late.',
  },
  errors: {
    word: 'Errors',
    verb: (service) => `Make ${service} fail`,
    does: 'Every answer is an error 500.',
  },
  leak: {
    word: 'Memory leak',
    verb: (service) => `Make ${service} leak`,
    does: 'Its memory grows by up to 150 MiB, until it calls itself unwell.',
  },
  body: {
    word: 'Wrong answers',
    verb: (service) => `Make ${service} answer wrongly`,
    does: 'It answers 200 with another body.',
  },
};

export const outcomeWords: Record<Outcome, { kind: StatusKind; word: string }> = {
  running: { kind: 'info', word: 'Running' },
  recovered: { kind: 'ok', word: 'Recovered' },
  not_recovered: { kind: 'bad', word: 'Not recovered' },
  not_detected: { kind: 'bad', word: 'Not detected' },
  cancelled: { kind: 'off', word: 'Cancelled' },
};
