-- CreateTable
CREATE TABLE "cache_accesses" (
    "hour" TIMESTAMPTZ(0) NOT NULL,
    "key" TEXT NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "cache_accesses_pkey" PRIMARY KEY ("hour","key")
);

-- CreateTable
CREATE TABLE "limit_rules" (
    "name" TEXT NOT NULL,
    "per_minute" INTEGER NOT NULL,
    "burst" INTEGER NOT NULL,
    "mode" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_by" TEXT NOT NULL,

    CONSTRAINT "limit_rules_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE INDEX "cache_accesses_key_hour_idx" ON "cache_accesses"("key", "hour");
