-- CreateTable
CREATE TABLE "memory_processes" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "instance" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "node" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "policy" JSONB NOT NULL,
    "points" JSONB NOT NULL,
    "levels" JSONB NOT NULL,
    "trend" JSONB NOT NULL,
    "heap_bytes" BIGINT NOT NULL,
    "limit_bytes" BIGINT NOT NULL,
    "rss_bytes" BIGINT NOT NULL,
    "free_bytes" BIGINT NOT NULL,
    "verdict" TEXT NOT NULL,
    "suspected_at" TIMESTAMPTZ(3),
    "growing_at" TIMESTAMPTZ(3),

    CONSTRAINT "memory_processes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "memory_findings" (
    "id" UUID NOT NULL,
    "process_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "instance" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "resolved_at" TIMESTAMPTZ(3),
    "sentence" TEXT NOT NULL,
    "trend" JSONB NOT NULL,
    "slope_bytes_per_hour" BIGINT NOT NULL,
    "growth_ratio" DOUBLE PRECISION NOT NULL,
    "p_value" DOUBLE PRECISION NOT NULL,
    "incident_id" UUID,
    "functions" JSONB NOT NULL,
    "classes" JSONB NOT NULL,
    "steps" JSONB NOT NULL,
    "relieved_at" TIMESTAMPTZ(3),
    "restarted_at" TIMESTAMPTZ(3),

    CONSTRAINT "memory_findings_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "memory_examinations" (
    "id" UUID NOT NULL,
    "process_id" UUID NOT NULL,
    "finding_id" UUID,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "asked_at" TIMESTAMPTZ(3) NOT NULL,
    "asked_by" TEXT NOT NULL,
    "reason" TEXT,
    "started_at" TIMESTAMPTZ(3),
    "done_at" TIMESTAMPTZ(3),
    "seconds" DOUBLE PRECISION,
    "pause_ms" DOUBLE PRECISION,
    "analysis_ms" DOUBLE PRECISION,
    "file_bytes" BIGINT,
    "heap_bytes" BIGINT,
    "note" TEXT,
    "functions" JSONB NOT NULL DEFAULT '[]',
    "growth" JSONB NOT NULL DEFAULT '[]',
    "largest" JSONB NOT NULL DEFAULT '[]',
    "compared_at" TIMESTAMPTZ(3),

    CONSTRAINT "memory_examinations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "memory_processes_last_seen_at_idx" ON "memory_processes"("last_seen_at");

-- CreateIndex
CREATE UNIQUE INDEX "memory_processes_name_instance_key" ON "memory_processes"("name", "instance");

-- CreateIndex
CREATE INDEX "memory_findings_opened_at_id_idx" ON "memory_findings"("opened_at", "id");

-- CreateIndex
CREATE INDEX "memory_findings_process_id_status_idx" ON "memory_findings"("process_id", "status");

-- CreateIndex
CREATE INDEX "memory_examinations_process_id_id_idx" ON "memory_examinations"("process_id", "id");

-- CreateIndex
CREATE INDEX "memory_examinations_kind_status_idx" ON "memory_examinations"("kind", "status");

-- CreateIndex
CREATE INDEX "memory_examinations_name_kind_done_at_idx" ON "memory_examinations"("name", "kind", "done_at");

-- AddForeignKey
ALTER TABLE "memory_findings" ADD CONSTRAINT "memory_findings_process_id_fkey" FOREIGN KEY ("process_id") REFERENCES "memory_processes"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memory_examinations" ADD CONSTRAINT "memory_examinations_process_id_fkey" FOREIGN KEY ("process_id") REFERENCES "memory_processes"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memory_examinations" ADD CONSTRAINT "memory_examinations_finding_id_fkey" FOREIGN KEY ("finding_id") REFERENCES "memory_findings"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- Rules that Prisma cannot say.
CREATE UNIQUE INDEX memory_findings_open ON memory_findings (process_id) WHERE status = 'open';
ALTER TABLE memory_processes ADD CHECK (kind IN ('console', 'program') AND verdict IN ('learning', 'steady', 'suspected', 'leak'));
ALTER TABLE memory_findings ADD CHECK (status IN ('open', 'resolved'));
ALTER TABLE memory_examinations ADD CHECK (kind IN ('profile', 'snapshot', 'restart') AND status IN ('asked', 'running', 'done', 'refused'));
