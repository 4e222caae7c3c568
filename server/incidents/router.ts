import { procedures, router } from '../api/trpc.ts';
import {
  figuresSchema,
  incidentIdSchema,
  incidentListSchema,
  noteInputSchema,
  resolveSchema,
} from './contract.ts';
import type { Incidents } from './service.ts';

export const incidentsRouter = (incidents: Incidents) =>
  router({
    /** Newest first, each with its newest events. */
    list: procedures.viewer.input(incidentListSchema).query(({ input }) => incidents.list(input)),
    /** One incident with its whole timeline. */
    get: procedures.viewer.input(incidentIdSchema).query(({ input }) => incidents.get(input.id)),
    /** Mean times to detect, acknowledge and recover. */
    figures: procedures.viewer
      .input(figuresSchema)
      .query(({ input }) => incidents.figures(input.days)),
    /** Says that somebody is on it; reminders stop. */
    acknowledge: procedures.operator
      .input(incidentIdSchema)
      .mutation(({ ctx, input }) => incidents.acknowledge(ctx.authority, input.id)),
    /** Ends it by hand, also while its targets are still down. */
    resolve: procedures.operator
      .input(resolveSchema)
      .mutation(({ ctx, input }) => incidents.resolve(ctx.authority, input)),
    /** Adds a line to the timeline. */
    note: procedures.operator
      .input(noteInputSchema)
      .mutation(({ ctx, input }) => incidents.note(ctx.authority, input)),
  });
