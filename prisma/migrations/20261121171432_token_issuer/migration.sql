-- AlterTable
ALTER TABLE "issued_tokens" ADD COLUMN     "issuer" TEXT;

-- CreateIndex
CREATE INDEX "issued_tokens_issuer_expires_at_idx" ON "issued_tokens"("issuer", "expires_at");
