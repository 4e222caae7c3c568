/** The store behind the console's API (`breakers.sync`, `breakers.act`), for programs that embed the client. */
import type { BreakerPolicy } from './contract.ts';
import type { Answer, BreakerStore, Probe } from './store.ts';

/** Calls one procedure of the console; throws when it does not answer. */
export type Call = (procedure: string, input: unknown) => Promise<unknown>;

export function createHttpBreakers(
  call: Call,
  options: {
    replica: string;
    /** The console's policy of a breaker, when it is another than the one that was brought. */
    onPolicy(name: string, policy: BreakerPolicy): void;
  },
): BreakerStore {
  const { replica, onPolicy } = options;
  // What the console answers is what `server/breakers` sends, in the shapes of `store.ts`.
  const act = async (name: string, given: object) =>
    (await call('breakers.act', { name, act: given })) as { answer: Answer; probe: Probe | null };
  return {
    async exchange(_replica, offers) {
      const { answers } = (await call('breakers.sync', { replica, offers })) as {
        answers: (Answer & { policy: BreakerPolicy })[];
      };
      return answers.map(({ policy, ...answer }) => {
        onPolicy(answer.name, policy);
        return answer;
      });
    },
    acquire: (name) => act(name, { kind: 'acquire' }),
    async settle(name, _policy, probe) {
      return (await act(name, { kind: 'settle', ...probe })).answer;
    },
    async change(name, _policy, asked) {
      if (asked.kind !== 'open') throw new Error('Only the console forces, trips and resets.');
      return (await act(name, asked)).answer;
    },
    rejoin: (brought) =>
      Promise.all(
        brought.map(async ({ name, base, generation, machine, openedAgoMs }) => {
          const given = { kind: 'rejoin', base, generation, machine, openedAgoMs };
          return (await act(name, given)).answer;
        }),
      ),
    async changed(since) {
      const input = { replica, since: Math.min(since, Number.MAX_SAFE_INTEGER) };
      return (await call('breakers.sync', input)) as { version: number; names: string[] | null };
    },
    // News come with the next look.
    onChanged: () => () => undefined,
  };
}
