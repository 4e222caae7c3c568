-- CreateTable
CREATE TABLE "query_databases" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "sealed" TEXT,
    "sealed_apply" TEXT,
    "slow_ms" INTEGER NOT NULL DEFAULT 100,
    "keep_parameters" BOOLEAN NOT NULL DEFAULT false,
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "state" TEXT NOT NULL DEFAULT 'new',
    "problem" TEXT,
    "detail" TEXT,
    "failing_since" TIMESTAMPTZ(3),
    "last_at" TIMESTAMPTZ(3),
    "next_at" TIMESTAMPTZ(3),
    "relations_at" TIMESTAMPTZ(3),
    "collector" TEXT,
    "claimed_at" TIMESTAMPTZ(3),
    "facts" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "query_databases_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "query_statements" (
    "id" SERIAL NOT NULL,
    "database_id" UUID NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "truncated" BOOLEAN NOT NULL DEFAULT false,
    "kind" TEXT NOT NULL,
    "tables" TEXT[],
    "first_seen" TIMESTAMPTZ(3) NOT NULL,
    "last_seen" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "query_statements_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "query_callers" (
    "database_id" UUID NOT NULL,
    "statement_id" INTEGER NOT NULL,
    "day" DATE NOT NULL,
    "source" TEXT NOT NULL,
    "caller" TEXT NOT NULL,
    "calls" DOUBLE PRECISION NOT NULL,
    "total_ms" DOUBLE PRECISION NOT NULL,
    "slow" DOUBLE PRECISION NOT NULL,
    "max_ms" DOUBLE PRECISION NOT NULL,
    "histogram" INTEGER[],
    "last_seen" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "query_callers_pkey" PRIMARY KEY ("database_id","statement_id","day","source","caller")
);

-- CreateTable
CREATE TABLE "query_relations" (
    "database_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "schema" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "table_name" TEXT NOT NULL,
    "figures" JSONB NOT NULL,
    "first_seen" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "query_relations_pkey" PRIMARY KEY ("database_id","kind","schema","name")
);

-- CreateTable
CREATE TABLE "query_relation_days" (
    "database_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "schema" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "figures" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "query_relation_days_pkey" PRIMARY KEY ("database_id","schema","name","day")
);

-- CreateIndex
CREATE UNIQUE INDEX "query_databases_name_key" ON "query_databases"("name");

-- CreateIndex
CREATE INDEX "query_statements_database_id_last_seen_idx" ON "query_statements"("database_id", "last_seen");

-- CreateIndex
CREATE UNIQUE INDEX "query_statements_database_id_fingerprint_key" ON "query_statements"("database_id", "fingerprint");

-- AddForeignKey
ALTER TABLE "query_statements" ADD CONSTRAINT "query_statements_database_id_fkey" FOREIGN KEY ("database_id") REFERENCES "query_databases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "query_callers" ADD CONSTRAINT "query_callers_database_id_fkey" FOREIGN KEY ("database_id") REFERENCES "query_databases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "query_relations" ADD CONSTRAINT "query_relations_database_id_fkey" FOREIGN KEY ("database_id") REFERENCES "query_databases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "query_relation_days" ADD CONSTRAINT "query_relation_days_database_id_fkey" FOREIGN KEY ("database_id") REFERENCES "query_databases"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What each look counted since the look before, the statements that took the most time, one row a look: arrays, as
-- hundreds of rows a minute would be larger than what they say. A partition a day, dropped whole.
CREATE TABLE "query_minutes" (
  "database_id" uuid NOT NULL,
  "at" timestamptz(3) NOT NULL,
  -- Since when.
  "since" timestamptz(3) NOT NULL,
  -- Of all statements, also those that have no place below.
  "total_ms" double precision NOT NULL,
  "statements" integer[] NOT NULL,
  "calls" real[] NOT NULL,
  "times_ms" real[] NOT NULL,
  "rows" real[] NOT NULL,
  "hits" real[] NOT NULL,
  "reads" real[] NOT NULL,
  "io_ms" real[] NOT NULL,
  "temps" real[] NOT NULL,
  PRIMARY KEY ("database_id", "at")
) PARTITION BY RANGE ("at");

-- The same by hours for every statement. A partition a day, kept 30.
CREATE TABLE "query_hours" (
  "database_id" uuid NOT NULL,
  "hour" timestamptz(0) NOT NULL,
  "statement_id" integer NOT NULL,
  "calls" double precision NOT NULL,
  "total_ms" double precision NOT NULL,
  "rows" double precision NOT NULL,
  "hits" double precision NOT NULL,
  "reads" double precision NOT NULL,
  "io_ms" double precision NOT NULL,
  "temps" double precision NOT NULL,
  PRIMARY KEY ("database_id", "hour", "statement_id")
) PARTITION BY RANGE ("hour");
CREATE INDEX "query_hours_statement" ON "query_hours" ("statement_id", "hour");

-- Single calls that took long. A partition a day, kept 14.
CREATE TABLE "query_slow_log" (
  "id" bigint GENERATED ALWAYS AS IDENTITY,
  "at" timestamptz(3) NOT NULL,
  "database_id" uuid NOT NULL,
  "statement_id" integer NOT NULL,
  "duration_ms" double precision NOT NULL,
  -- own, span or auto_explain
  "source" text NOT NULL,
  "caller" text,
  "request_id" text,
  "trace_id" text,
  "plan" jsonb,
  "parameters" jsonb,
  PRIMARY KEY ("at", "id")
) PARTITION BY RANGE ("at");
CREATE INDEX "query_slow_log_database" ON "query_slow_log" ("database_id", "at", "id");
CREATE INDEX "query_slow_log_statement" ON "query_slow_log" ("statement_id", "at", "id");

CREATE UNIQUE INDEX "query_databases_own" ON "query_databases" ((true)) WHERE "kind" = 'own';
INSERT INTO "query_databases" ("id", "name", "kind", "created_at", "created_by", "updated_at")
VALUES (gen_random_uuid(), 'This console', 'own', now(), 'console', now());
