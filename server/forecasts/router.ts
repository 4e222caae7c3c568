import { procedures, router } from '../api/trpc.ts';
import {
  computeSchema,
  createForecastSchema,
  forecastIdSchema,
  forecastSettingsSchema,
  listForecastsSchema,
  momentOf,
  updateForecastSchema,
} from './contract.ts';
import type { Forecaster } from './model/index.ts';
import type { Forecasts } from './service.ts';

export const forecastsRouter = ({
  forecasts,
  forecaster,
}: {
  forecasts: Forecasts;
  forecaster: Forecaster;
}) =>
  router({
    /** A forecast of the series given, with the backtest of every model that was tried; nothing is kept. */
    compute: procedures.viewer.input(computeSchema).query(({ ctx, input }) => {
      const { series, horizon, seasonality, bounds } = input;
      return forecaster.forecast(
        {
          series: series.map(({ at, value }) => ({ at: momentOf(at), value })),
          horizon,
          ...(seasonality ? { seasonality } : {}),
          ...(bounds ? { bounds } : {}),
        },
        ctx.signal ? { signal: ctx.signal } : {},
      );
    }),
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
