import { procedures, router } from '../api/trpc.ts';
import {
  createForecastSchema,
  forecastIdSchema,
  forecastSettingsSchema,
  listForecastsSchema,
  updateForecastSchema,
} from './contract.ts';
import type { Forecasts } from './service.ts';

export const forecastsRouter = ({ forecasts }: { forecasts: Forecasts }) =>
  router({
    list: procedures.viewer.input(listForecastsSchema).query(({ input }) => forecasts.list(input)),
    counts: procedures.viewer.query(() => forecasts.counts()),
    get: procedures.viewer.input(forecastIdSchema).query(({ input }) => forecasts.get(input.id)),
    create: procedures.operator
      .input(createForecastSchema)
      .mutation(({ ctx, input }) => forecasts.create(ctx.authority, input)),
    update: procedures.operator
      .input(updateForecastSchema)
      .mutation(({ ctx, input }) => forecasts.update(ctx.authority, input)),
    remove: procedures.operator
      .input(forecastIdSchema)
      .mutation(({ ctx, input }) => forecasts.remove(ctx.authority, input.id)),
    /** Makes it again as soon as a worker is free. */
    refresh: procedures.operator
      .input(forecastIdSchema)
      .mutation(({ ctx, input }) => forecasts.refresh(ctx.authority, input.id)),
    /** Whether targets and services get forecasts by themselves. */
    setBuiltIn: procedures.operator
      .input(forecastSettingsSchema)
      .mutation(({ ctx, input }) => forecasts.setBuiltIn(ctx.authority, input.builtIn)),
  });
