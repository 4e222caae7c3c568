-- CreateTable
CREATE TABLE "query_advice" (
    "id" UUID NOT NULL,
    "database_id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "body" JSONB NOT NULL,
    "saved_ms_per_day" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "statements" TEXT[],
    "state" TEXT NOT NULL,
    "evidence" TEXT NOT NULL,
    "index_schema" TEXT,
    "index_name" TEXT,
    "definition" TEXT,
    "progress" JSONB,
    "cancelled" BOOLEAN NOT NULL DEFAULT false,
    "before" JSONB,
    "after" JSONB,
    "proposal" TEXT,
    "detail" TEXT,
    "claimed_by" TEXT,
    "claimed_at" TIMESTAMPTZ(3),
    "applied_at" TIMESTAMPTZ(3),
    "timeline" JSONB NOT NULL DEFAULT '[]',
    "first_seen" TIMESTAMPTZ(3) NOT NULL,
    "last_seen" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "query_advice_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "query_advice_state_saved_ms_per_day_id_idx" ON "query_advice"("state", "saved_ms_per_day", "id");

-- CreateIndex
CREATE UNIQUE INDEX "query_advice_database_id_key_key" ON "query_advice"("database_id", "key");

-- AddForeignKey
ALTER TABLE "query_advice" ADD CONSTRAINT "query_advice_database_id_fkey" FOREIGN KEY ("database_id") REFERENCES "query_databases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- One at a time for a database, across replicas.
CREATE UNIQUE INDEX "query_advice_applying" ON "query_advice" ("database_id") WHERE ("state" = 'applying');
