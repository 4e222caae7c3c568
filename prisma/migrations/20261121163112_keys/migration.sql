-- CreateTable
CREATE TABLE "api_key_versions" (
    "id" UUID NOT NULL,
    "key_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "hash" BYTEA NOT NULL,
    "hint" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "grace_ends_at" TIMESTAMPTZ(3),
    "quiet_days" INTEGER,
    "rehearsal_ends_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "ended_by" TEXT,
    "last_used_at" TIMESTAMPTZ(3),
    "last_refused_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_key_versions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key_usage" (
    "key_id" UUID NOT NULL,
    "day" DATE NOT NULL,
    "version" INTEGER NOT NULL,
    "procedure" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "calls" BIGINT NOT NULL,
    "refused" BIGINT NOT NULL,
    "last_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "api_key_usage_pkey" PRIMARY KEY ("key_id","day","version","procedure","address")
);

-- CreateTable
CREATE TABLE "api_key_notices" (
    "key_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "days" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "api_key_notices_pkey" PRIMARY KEY ("key_id","version","kind","days")
);

-- The keys that there are become first versions of themselves.
INSERT INTO "api_key_versions" ("id", "key_id", "version", "hash", "hint", "created_at", "created_by", "last_used_at")
SELECT gen_random_uuid(), "id", 1, "hash", '', "created_at", "created_by", "last_used_at" FROM "api_keys";

-- DropIndex
DROP INDEX "api_keys_hash_key";

-- AlterTable
ALTER TABLE "api_keys" DROP COLUMN "hash",
DROP COLUMN "last_used_at",
ADD COLUMN     "addresses" TEXT[],
ADD COLUMN     "owner_id" UUID,
ADD COLUMN     "rate_per_minute" INTEGER,
ADD COLUMN     "rotate_days" INTEGER;

UPDATE "api_keys" SET "addresses" = '{}', "rotate_days" = 90;

-- CreateIndex
CREATE UNIQUE INDEX "api_key_versions_hash_key" ON "api_key_versions"("hash");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_versions_key_id_version_key" ON "api_key_versions"("key_id", "version");

-- CreateIndex
CREATE INDEX "api_key_usage_day_idx" ON "api_key_usage"("day");

-- AddForeignKey
ALTER TABLE "api_key_versions" ADD CONSTRAINT "api_key_versions_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "api_keys"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key_usage" ADD CONSTRAINT "api_key_usage_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "api_keys"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key_notices" ADD CONSTRAINT "api_key_notices_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "api_keys"("id") ON DELETE CASCADE ON UPDATE CASCADE;
