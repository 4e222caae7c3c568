-- CreateTable
CREATE TABLE "breakers" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "policy" JSONB NOT NULL,
    "matchers" JSONB,
    "built_in" BOOLEAN NOT NULL DEFAULT false,
    "forced" TEXT,
    "forced_kind" TEXT,
    "forced_by" TEXT,
    "forced_reason" TEXT,
    "forced_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "breakers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "breaker_holds" (
    "breaker_id" UUID NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "released" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "breaker_holds_pkey" PRIMARY KEY ("breaker_id","fingerprint")
);

-- CreateTable
CREATE TABLE "breaker_events" (
    "id" BIGSERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "generation" INTEGER NOT NULL,
    "from_state" TEXT NOT NULL,
    "to_state" TEXT NOT NULL,
    "cause" TEXT NOT NULL,
    "actor" TEXT,
    "detail" TEXT,
    "replica" TEXT,

    CONSTRAINT "breaker_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "breakers_name_key" ON "breakers"("name");

-- CreateIndex
CREATE INDEX "breaker_holds_fingerprint_idx" ON "breaker_holds"("fingerprint");

-- CreateIndex
CREATE INDEX "breaker_events_name_id_idx" ON "breaker_events"("name", "id");

-- CreateIndex
CREATE INDEX "breaker_events_at_idx" ON "breaker_events"("at");

-- AddForeignKey
ALTER TABLE "breaker_holds" ADD CONSTRAINT "breaker_holds_breaker_id_fkey" FOREIGN KEY ("breaker_id") REFERENCES "breakers"("id") ON DELETE CASCADE ON UPDATE CASCADE;
