-- CreateTable
CREATE TABLE "drift_references" (
    "id" UUID NOT NULL,
    "model_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "rows" BIGINT NOT NULL,
    "sampled" INTEGER NOT NULL,
    "from" TIMESTAMPTZ(3),
    "to" TIMESTAMPTZ(3),
    "profile" JSONB NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,

    CONSTRAINT "drift_references_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drift_reference_columns" (
    "reference_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "dictionary" TEXT[],
    "data" BYTEA NOT NULL,

    CONSTRAINT "drift_reference_columns_pkey" PRIMARY KEY ("reference_id","name")
);

-- CreateTable
CREATE TABLE "drift_uploads" (
    "id" UUID NOT NULL,
    "model_id" UUID NOT NULL,
    "file_name" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "received_bytes" BIGINT NOT NULL DEFAULT 0,
    "state" TEXT NOT NULL,
    "detail" TEXT,
    "place" TEXT NOT NULL,
    "progress" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "rows" BIGINT NOT NULL DEFAULT 0,
    "reference_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "drift_uploads_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drift_monitors" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "model_id" UUID NOT NULL,
    "reference_id" UUID,
    "features" TEXT[],
    "window_kind" TEXT NOT NULL,
    "window_size" INTEGER NOT NULL,
    "window_step" INTEGER NOT NULL,
    "grace_seconds" INTEGER NOT NULL,
    "minimum_rows" INTEGER NOT NULL,
    "alpha" DOUBLE PRECISION NOT NULL,
    "season" TEXT NOT NULL,
    "consecutive" INTEGER NOT NULL,
    "quiet_after" INTEGER NOT NULL,
    "severity" "severity" NOT NULL,
    "muted_until" TIMESTAMPTZ(3),
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "state" TEXT NOT NULL DEFAULT 'new',
    "detail" TEXT,
    "since" TIMESTAMPTZ(3),
    "drifted_runs" INTEGER NOT NULL DEFAULT 0,
    "quiet_runs" INTEGER NOT NULL DEFAULT 0,
    "last_end" TIMESTAMPTZ(3),
    "next_at" TIMESTAMPTZ(3),
    "last_run_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "drift_monitors_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drift_runs" (
    "id" UUID NOT NULL,
    "monitor_id" UUID NOT NULL,
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "window_end" TIMESTAMPTZ(3) NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "verdict" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "by_hand" BOOLEAN NOT NULL DEFAULT false,
    "reference_rows" INTEGER NOT NULL,
    "current_rows" INTEGER NOT NULL,
    "drifted" INTEGER NOT NULL,
    "features" INTEGER NOT NULL,
    "took_ms" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "drift_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drift_run_features" (
    "run_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "drifted" BOOLEAN,
    "effect" DOUBLE PRECISION,
    "p_value" DOUBLE PRECISION,
    "reason" TEXT NOT NULL,
    "detail" JSONB NOT NULL,

    CONSTRAINT "drift_run_features_pkey" PRIMARY KEY ("run_id","name")
);

-- CreateTable
CREATE TABLE "models" (
    "id" UUID NOT NULL,
    "no" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "task" TEXT NOT NULL,
    "positive_label" TEXT,
    "features" JSONB NOT NULL,
    "segments" TEXT[],
    "label_delay_seconds" INTEGER NOT NULL,
    "retention_days" INTEGER NOT NULL,
    "watch" JSONB NOT NULL,
    "verdict" TEXT NOT NULL DEFAULT 'learning',
    "verdict_detail" TEXT,
    "verdict_at" TIMESTAMPTZ(3),
    "judged" JSONB,
    "last_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "models_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "drift_references_model_id_name_key" ON "drift_references"("model_id", "name");

-- CreateIndex
CREATE INDEX "drift_uploads_updated_at_idx" ON "drift_uploads"("updated_at");

-- CreateIndex
CREATE UNIQUE INDEX "drift_monitors_name_key" ON "drift_monitors"("name");

-- CreateIndex
CREATE INDEX "drift_monitors_next_at_idx" ON "drift_monitors"("next_at");

-- CreateIndex
CREATE INDEX "drift_monitors_model_id_idx" ON "drift_monitors"("model_id");

-- CreateIndex
CREATE UNIQUE INDEX "drift_runs_monitor_id_window_end_key" ON "drift_runs"("monitor_id", "window_end");

-- CreateIndex
CREATE UNIQUE INDEX "models_no_key" ON "models"("no");

-- CreateIndex
CREATE UNIQUE INDEX "models_name_key" ON "models"("name");

-- AddForeignKey
ALTER TABLE "drift_references" ADD CONSTRAINT "drift_references_model_id_fkey" FOREIGN KEY ("model_id") REFERENCES "models"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift_reference_columns" ADD CONSTRAINT "drift_reference_columns_reference_id_fkey" FOREIGN KEY ("reference_id") REFERENCES "drift_references"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift_uploads" ADD CONSTRAINT "drift_uploads_model_id_fkey" FOREIGN KEY ("model_id") REFERENCES "models"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift_monitors" ADD CONSTRAINT "drift_monitors_model_id_fkey" FOREIGN KEY ("model_id") REFERENCES "models"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift_monitors" ADD CONSTRAINT "drift_monitors_reference_id_fkey" FOREIGN KEY ("reference_id") REFERENCES "drift_references"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift_runs" ADD CONSTRAINT "drift_runs_monitor_id_fkey" FOREIGN KEY ("monitor_id") REFERENCES "drift_monitors"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift_run_features" ADD CONSTRAINT "drift_run_features_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "drift_runs"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Predictions in the order of their times, with the label when it came. A partition a day, dropped whole when no model keeps it.
CREATE TABLE "model_predictions" (
  "model_no" integer NOT NULL,
  "at" timestamptz(3) NOT NULL,
  -- As the sender names it.
  "id" text NOT NULL,
  -- Made of the id, 0 to 32767: any range of it is a fair sample.
  "slot" smallint NOT NULL,
  "version" text,
  -- Of the features by their places; NULL where missing.
  "numbers" double precision[] NOT NULL,
  "texts" text[] NOT NULL,
  -- Segments that are no features.
  "tags" jsonb,
  "prediction" text NOT NULL,
  "score" double precision,
  "label" text,
  "labelled_at" timestamptz(3),
  PRIMARY KEY ("model_no", "at", "id")
) PARTITION BY RANGE ("at");

-- When each prediction was made: what tells a repeated one, and where its label belongs.
CREATE TABLE "model_prediction_keys" (
  "model_no" integer NOT NULL,
  "id" text NOT NULL,
  "at" timestamptz(3) NOT NULL,
  PRIMARY KEY ("model_no", "id")
);
CREATE INDEX "model_prediction_keys_at" ON "model_prediction_keys" USING brin ("at");

-- Labels that came before their predictions; bounded in number and age.
CREATE TABLE "model_labels_waiting" (
  "model_no" integer NOT NULL,
  "id" text NOT NULL,
  "label" text NOT NULL,
  "at" timestamptz(3) NOT NULL,
  "received_at" timestamptz(3) NOT NULL,
  PRIMARY KEY ("model_no", "id")
);
