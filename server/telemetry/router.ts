import { procedures, router } from '../api/trpc.ts';
import { eventsSchema } from './contract.ts';
import type { Telemetry } from './service.ts';

export const telemetryRouter = (telemetry: Telemetry) =>
  router({
    events: procedures.viewer
      .input(eventsSchema)
      .query(({ input }) => telemetry.events.list(input)),
  });
