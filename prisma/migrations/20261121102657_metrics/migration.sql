-- CreateTable
CREATE TABLE "metric_names" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL DEFAULT 'unknown',
    "unit" TEXT NOT NULL DEFAULT '',
    "help" TEXT NOT NULL DEFAULT '',
    "raw_days" INTEGER,
    "minute_days" INTEGER,
    "hour_days" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "metric_names_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "metric_series" (
    "id" SERIAL NOT NULL,
    "metric_id" INTEGER NOT NULL,
    "digest" BYTEA NOT NULL,
    "labels" JSONB NOT NULL,
    "delta" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "metric_series_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "metric_writers" (
    "id" SERIAL NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "metric_writers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "metric_batches" (
    "id" BIGSERIAL NOT NULL,
    "writer_id" INTEGER NOT NULL,
    "samples" INTEGER NOT NULL,
    "payload" BYTEA NOT NULL,

    CONSTRAINT "metric_batches_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "metric_dirty" (
    "day" INTEGER NOT NULL,
    "series_id" INTEGER NOT NULL,

    CONSTRAINT "metric_dirty_pkey" PRIMARY KEY ("day","series_id")
);

-- CreateTable
CREATE TABLE "saved_queries" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "query" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "saved_queries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dashboards" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "panels" JSONB NOT NULL,
    "built_in" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "dashboards_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "metric_sources" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "sealed" TEXT,
    "interval_seconds" INTEGER NOT NULL,
    "timeout_ms" INTEGER NOT NULL,
    "labels" JSONB NOT NULL,
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "last_at" TIMESTAMPTZ(3),
    "last_error" TEXT,
    "last_samples" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "metric_sources_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "metric_names_name_key" ON "metric_names"("name");

-- CreateIndex
CREATE UNIQUE INDEX "metric_series_metric_id_digest_key" ON "metric_series"("metric_id", "digest");

-- CreateIndex
CREATE INDEX "metric_batches_writer_id_id_idx" ON "metric_batches"("writer_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "saved_queries_name_key" ON "saved_queries"("name");

-- CreateIndex
CREATE UNIQUE INDEX "dashboards_built_in_key" ON "dashboards"("built_in");

-- CreateIndex
CREATE INDEX "dashboards_name_id_idx" ON "dashboards"("name", "id");

-- CreateIndex
CREATE UNIQUE INDEX "metric_sources_name_key" ON "metric_sources"("name");

-- AddForeignKey
ALTER TABLE "metric_series" ADD CONSTRAINT "metric_series_metric_id_fkey" FOREIGN KEY ("metric_id") REFERENCES "metric_names"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "metric_batches" ADD CONSTRAINT "metric_batches_writer_id_fkey" FOREIGN KEY ("writer_id") REFERENCES "metric_writers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- What the schema language cannot say.

-- Payloads are compressed by their own codec; a second compression would only cost time.
ALTER TABLE "metric_batches" ALTER COLUMN "payload" SET STORAGE EXTERNAL;

-- Samples of one series within two hours (`slot` counts them since 1970), compressed. First in `metric_fresh`, as
-- they leave memory: any number of rows for one series and slot. When the slot is over, they are merged into the one
-- row of `metric_chunks`, a partition a day, which is written once and dropped whole.
CREATE TABLE "metric_fresh" (
  "id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "series_id" integer NOT NULL,
  "slot" integer NOT NULL,
  "samples" integer NOT NULL,
  "data" bytea STORAGE EXTERNAL NOT NULL
);
CREATE INDEX "metric_fresh_series" ON "metric_fresh" ("series_id", "slot");
CREATE INDEX "metric_fresh_slot" ON "metric_fresh" ("slot", "series_id");
CREATE TABLE "metric_chunks" (
  "series_id" integer NOT NULL,
  "slot" integer NOT NULL,
  "samples" integer NOT NULL,
  "data" bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY ("series_id", "slot")
) PARTITION BY RANGE ("slot");

-- Roll-ups: a day of one series by minutes, a day by hours. Sketches apart, as most queries do not need them.
-- A partition a day (minutes) and a month (hours).
CREATE TABLE "metric_minutes" (
  "series_id" integer NOT NULL,
  "day" integer NOT NULL,
  "data" bytea STORAGE EXTERNAL NOT NULL,
  "sketch" bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY ("series_id", "day")
) PARTITION BY RANGE ("day");
CREATE TABLE "metric_hours" (
  "series_id" integer NOT NULL,
  "day" integer NOT NULL,
  "data" bytea STORAGE EXTERNAL NOT NULL,
  "sketch" bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY ("series_id", "day")
) PARTITION BY RANGE ("day");

-- Spans, logs and other events, as they came. A partition a day.
CREATE TABLE "telemetry_events" (
  "id" bigint GENERATED ALWAYS AS IDENTITY,
  "at" timestamptz(6) NOT NULL,
  -- span, log or event
  "kind" text NOT NULL,
  "service" text NOT NULL,
  "name" text NOT NULL,
  "duration_ms" double precision,
  -- unset, ok or error for spans; the severity for logs
  "status" text NOT NULL,
  "trace_id" bytea,
  "span_id" bytea,
  "parent_id" bytea,
  "body" text,
  "attributes" jsonb NOT NULL,
  PRIMARY KEY ("at", "id")
) PARTITION BY RANGE ("at");
CREATE INDEX "telemetry_events_kind" ON "telemetry_events" ("kind", "service", "name", "at");
CREATE INDEX "telemetry_events_trace" ON "telemetry_events" ("trace_id") WHERE "trace_id" IS NOT NULL;

-- Rows come and go all the time here: room is made early.
ALTER TABLE "metric_batches" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE "metric_fresh" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
