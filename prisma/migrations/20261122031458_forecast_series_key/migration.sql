-- AlterTable
ALTER TABLE "forecasts" ADD COLUMN     "series_key" TEXT;
