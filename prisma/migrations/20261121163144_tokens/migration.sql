-- CreateTable
CREATE TABLE "token_signing_keys" (
    "kid" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "private_jwk" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "activated_at" TIMESTAMPTZ(3),
    "retired_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "token_signing_keys_pkey" PRIMARY KEY ("kid")
);

-- CreateTable
CREATE TABLE "issued_tokens" (
    "jti" UUID NOT NULL,
    "kid" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "scopes" TEXT[],
    "role" "role" NOT NULL,
    "issued_by" TEXT NOT NULL,
    "issued_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "revoke_reason" TEXT,

    CONSTRAINT "issued_tokens_pkey" PRIMARY KEY ("jti")
);

-- CreateTable
CREATE TABLE "revocations" (
    "seq" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,
    "revoked_by" TEXT NOT NULL,
    "revoked_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "revocations_pkey" PRIMARY KEY ("seq")
);

-- CreateIndex
CREATE INDEX "issued_tokens_subject_expires_at_idx" ON "issued_tokens"("subject", "expires_at");

-- CreateIndex
CREATE INDEX "issued_tokens_kid_expires_at_idx" ON "issued_tokens"("kid", "expires_at");

-- CreateIndex
CREATE INDEX "issued_tokens_expires_at_idx" ON "issued_tokens"("expires_at");

-- CreateIndex
CREATE INDEX "revocations_expires_at_idx" ON "revocations"("expires_at");

-- CreateIndex
CREATE INDEX "revocations_kind_target_idx" ON "revocations"("kind", "target");

-- Replicas read what is new by `seq`. A sequence hands out numbers before the transactions that took them are committed, so that
-- a smaller number may appear after a larger one was read. One writer at a time, until its commit, keeps the order: the lock comes
-- before the number.
CREATE FUNCTION revocations_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(2003330149);
  NEW."seq" := nextval(pg_get_serial_sequence('revocations', 'seq'));
  RETURN NEW;
END $$;

CREATE TRIGGER revocations_in_order BEFORE INSERT ON "revocations"
  FOR EACH ROW EXECUTE FUNCTION revocations_in_order();
