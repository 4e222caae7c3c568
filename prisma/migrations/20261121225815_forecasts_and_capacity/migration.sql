-- CreateTable
CREATE TABLE "capacity_resources" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "subject" JSONB NOT NULL,
    "built_in_key" TEXT,
    "unit" TEXT NOT NULL,
    "direction" TEXT NOT NULL DEFAULT 'upper',
    "limit_given" DOUBLE PRECISION,
    "limit_found" DOUBLE PRECISION,
    "warn_days" INTEGER NOT NULL DEFAULT 14,
    "critical_days" INTEGER NOT NULL DEFAULT 3,
    "incidents" BOOLEAN NOT NULL DEFAULT true,
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "detail" TEXT,
    "value" DOUBLE PRECISION,
    "value_at" TIMESTAMPTZ(3),
    "assessment" JSONB,
    "urgency" DOUBLE PRECISION NOT NULL DEFAULT 1000000,
    "notice" TEXT NOT NULL DEFAULT 'none',
    "notice_since" TIMESTAMPTZ(3),
    "wish" TEXT NOT NULL DEFAULT 'none',
    "wish_since" TIMESTAMPTZ(3),
    "failures" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "assessed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "capacity_resources_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "forecasts" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "subject" JSONB NOT NULL,
    "built_in_key" TEXT,
    "step" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "horizon" INTEGER NOT NULL,
    "seasonality" INTEGER[],
    "lower_bound" DOUBLE PRECISION,
    "upper_bound" DOUBLE PRECISION,
    "unit" TEXT NOT NULL,
    "incidents" BOOLEAN NOT NULL DEFAULT false,
    "alarm_count" INTEGER NOT NULL DEFAULT 3,
    "alarm_of" INTEGER NOT NULL DEFAULT 4,
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "detail" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "refreshed_at" TIMESTAMPTZ(3),
    "history_from" TIMESTAMPTZ(3),
    "history" DOUBLE PRECISION[],
    "last_at" TIMESTAMPTZ(3),
    "last_value" DOUBLE PRECISION,
    "newest" JSONB,
    "accuracy" JSONB,
    "anomalous_since" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "forecasts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "forecast_runs" (
    "id" UUID NOT NULL,
    "forecast_id" UUID NOT NULL,
    "made_at" TIMESTAMPTZ(3) NOT NULL,
    "first_at" TIMESTAMPTZ(3) NOT NULL,
    "model" TEXT NOT NULL,
    "mean" REAL[],
    "lower" REAL[],
    "upper" REAL[],

    CONSTRAINT "forecast_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "forecast_truths" (
    "forecast_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actual" DOUBLE PRECISION NOT NULL,
    "near_mean" DOUBLE PRECISION,
    "near_lower" DOUBLE PRECISION,
    "near_upper" DOUBLE PRECISION,
    "day_mean" DOUBLE PRECISION,
    "day_lower" DOUBLE PRECISION,
    "day_upper" DOUBLE PRECISION,

    CONSTRAINT "forecast_truths_pkey" PRIMARY KEY ("forecast_id","at")
);

-- CreateTable
CREATE TABLE "forecast_events" (
    "id" UUID NOT NULL,
    "forecast_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "kind" TEXT NOT NULL,
    "detail" TEXT NOT NULL,

    CONSTRAINT "forecast_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "forecast_settings" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "built_in" BOOLEAN NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_by" TEXT NOT NULL,

    CONSTRAINT "forecast_settings_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "capacity_resources_name_key" ON "capacity_resources"("name");

-- CreateIndex
CREATE UNIQUE INDEX "capacity_resources_built_in_key_key" ON "capacity_resources"("built_in_key");

-- CreateIndex
CREATE INDEX "capacity_resources_due_at_idx" ON "capacity_resources"("due_at");

-- CreateIndex
CREATE INDEX "capacity_resources_urgency_id_idx" ON "capacity_resources"("urgency", "id");

-- CreateIndex
CREATE UNIQUE INDEX "forecasts_name_key" ON "forecasts"("name");

-- CreateIndex
CREATE UNIQUE INDEX "forecasts_built_in_key_key" ON "forecasts"("built_in_key");

-- CreateIndex
CREATE INDEX "forecasts_due_at_idx" ON "forecasts"("due_at");

-- CreateIndex
CREATE UNIQUE INDEX "forecast_runs_forecast_id_made_at_key" ON "forecast_runs"("forecast_id", "made_at");

-- CreateIndex
CREATE INDEX "forecast_events_forecast_id_at_idx" ON "forecast_events"("forecast_id", "at");

-- AddForeignKey
ALTER TABLE "forecast_runs" ADD CONSTRAINT "forecast_runs_forecast_id_fkey" FOREIGN KEY ("forecast_id") REFERENCES "forecasts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "forecast_truths" ADD CONSTRAINT "forecast_truths_forecast_id_fkey" FOREIGN KEY ("forecast_id") REFERENCES "forecasts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "forecast_events" ADD CONSTRAINT "forecast_events_forecast_id_fkey" FOREIGN KEY ("forecast_id") REFERENCES "forecasts"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- Closed sets of words, and one row of settings.
ALTER TABLE forecasts
  ADD CONSTRAINT forecasts_kind CHECK (kind IN ('target', 'service', 'saved')),
  ADD CONSTRAINT forecasts_step CHECK (step IN ('hour', 'day')),
  ADD CONSTRAINT forecasts_state CHECK (state IN ('waiting', 'ok', 'short', 'failed'));
ALTER TABLE forecast_settings ADD CONSTRAINT forecast_settings_one CHECK (id = 1);
ALTER TABLE capacity_resources
  ADD CONSTRAINT capacity_kind CHECK (kind IN ('disk', 'heap', 'connections', 'database', 'redis', 'saved')),
  ADD CONSTRAINT capacity_direction CHECK (direction IN ('upper', 'lower')),
  ADD CONSTRAINT capacity_state CHECK (state IN ('waiting', 'short', 'unlimited', 'steady', 'crossing', 'over', 'failed')),
  ADD CONSTRAINT capacity_notice CHECK (notice IN ('none', 'warn', 'critical'));
