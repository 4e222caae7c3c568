-- CreateTable
CREATE TABLE "policy_rules" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "effect" TEXT NOT NULL,
    "conditions" JSONB NOT NULL,
    "enabled" BOOLEAN NOT NULL,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_by" TEXT NOT NULL,

    CONSTRAINT "policy_rules_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "policy_settings" (
    "id" INTEGER NOT NULL,
    "default_effect" TEXT NOT NULL,
    "version" BIGINT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_by" TEXT NOT NULL,

    CONSTRAINT "policy_settings_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "policy_decisions" (
    "key" BYTEA NOT NULL,
    "subject" TEXT NOT NULL,
    "subject_name" TEXT NOT NULL,
    "subjects" TEXT[],
    "tool" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "allowed" BOOLEAN NOT NULL,
    "by" TEXT NOT NULL,
    "rule_id" UUID,
    "address" TEXT,
    "environment" TEXT NOT NULL,
    "count" BIGINT NOT NULL,
    "first_at" TIMESTAMPTZ(3) NOT NULL,
    "last_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "policy_decisions_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "policy_denials" (
    "id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "subject" TEXT NOT NULL,
    "subject_name" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "by" TEXT NOT NULL,
    "rule_id" UUID,
    "rule_name" TEXT,
    "reason" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "address" TEXT,
    "environment" TEXT NOT NULL,
    "asked_by" TEXT,
    "count" INTEGER NOT NULL,

    CONSTRAINT "policy_denials_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "policy_rules_name_key" ON "policy_rules"("name");

-- CreateIndex
CREATE INDEX "policy_decisions_last_at_idx" ON "policy_decisions"("last_at");

-- CreateIndex
CREATE INDEX "policy_denials_at_idx" ON "policy_denials"("at");

ALTER TABLE "policy_rules" ADD CONSTRAINT "policy_rules_effect" CHECK ("effect" IN ('allow', 'deny'));
ALTER TABLE "policy_settings" ADD CONSTRAINT "policy_settings_one" CHECK ("id" = 1);
ALTER TABLE "policy_settings" ADD CONSTRAINT "policy_settings_default" CHECK ("default_effect" IN ('allow', 'deny'));

-- As shipped: what the role allows is allowed.
INSERT INTO "policy_settings" ("id", "default_effect", "version", "updated_at", "updated_by")
VALUES (1, 'allow', 1, now(), 'installation');
