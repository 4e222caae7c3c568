-- AlterTable
ALTER TABLE "capacity_resources" ADD COLUMN     "ahead" JSONB,
ADD COLUMN     "ahead_at" TIMESTAMPTZ(3),
ADD COLUMN     "ahead_minutes" INTEGER NOT NULL DEFAULT 30,
ADD COLUMN     "metric_name" TEXT;

-- CreateIndex
CREATE UNIQUE INDEX "capacity_resources_metric_name_key" ON "capacity_resources"("metric_name");

-- What the names of metrics may be is checked where they come in; here that the horizon is one.
ALTER TABLE capacity_resources ADD CONSTRAINT capacity_ahead CHECK (ahead_minutes BETWEEN 10 AND 1440);
