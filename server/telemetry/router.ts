import { procedures, router, scoped } from '../api/trpc.ts';
import { eventsSchema, ingestEventsSchema } from './contract.ts';
import type { Telemetry } from './service.ts';

export const telemetryRouter = (telemetry: Telemetry) =>
  router({
    /** Up to 1 000 wide events; answers once those that are accepted are committed. */
    ingest: scoped('ingest')
      .input(ingestEventsSchema)
      .mutation(({ input }) => telemetry.ingest(input.events)),
    events: procedures.viewer
      .input(eventsSchema)
      .query(({ input }) => telemetry.events.list(input)),
  });
