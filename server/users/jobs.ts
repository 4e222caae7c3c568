import type { JobDefinition } from '../platform/jobs.ts';
import type { SignIn } from './sign-in.ts';

export const usersJobs = (signIn: SignIn): JobDefinition[] => [
  {
    name: 'users.purgeThrottles',
    cron: '41 * * * *',
    timeoutSeconds: 60,
    retryLimit: 3,
    run: async () => {
      await signIn.purgeThrottles();
    },
  },
];
