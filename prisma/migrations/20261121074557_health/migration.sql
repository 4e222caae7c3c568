-- CreateEnum
CREATE TYPE "target_kind" AS ENUM ('http', 'tcp', 'postgres', 'redis', 'heartbeat');

-- CreateEnum
CREATE TYPE "health_state" AS ENUM ('healthy', 'degraded', 'down', 'unknown', 'maintenance');

-- CreateEnum
CREATE TYPE "remedy_mode" AS ENUM ('automatic', 'approval', 'off');

-- CreateEnum
CREATE TYPE "incident_status" AS ENUM ('open', 'acknowledged', 'resolved');

-- CreateEnum
CREATE TYPE "severity" AS ENUM ('critical', 'error', 'warning', 'info');

-- CreateEnum
CREATE TYPE "channel_kind" AS ENUM ('slack', 'email', 'pagerduty', 'webhook');

-- CreateEnum
CREATE TYPE "delivery_status" AS ENUM ('pending', 'sending', 'delivered', 'dead', 'folded', 'cancelled');

-- CreateTable
CREATE TABLE "game_days" (
    "id" UUID NOT NULL,
    "service" TEXT NOT NULL,
    "fault" TEXT NOT NULL,
    "target_id" UUID NOT NULL,
    "target_name" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "started_by" TEXT NOT NULL,
    "first_failure_at" TIMESTAMPTZ(3),
    "detected_at" TIMESTAMPTZ(3),
    "remedy_at" TIMESTAMPTZ(3),
    "recovered_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "detail" TEXT,

    CONSTRAINT "game_days_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "targets" (
    "id" UUID NOT NULL,
    "ref" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "target_kind" NOT NULL,
    "address" TEXT NOT NULL,
    "sealed" TEXT,
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "interval_seconds" INTEGER NOT NULL,
    "timeout_ms" INTEGER NOT NULL,
    "fail_after" INTEGER NOT NULL,
    "recover_after" INTEGER NOT NULL,
    "settings" JSONB NOT NULL,
    "group" TEXT,
    "tags" TEXT[],
    "remedy" JSONB,
    "remedy_mode" "remedy_mode" NOT NULL,
    "demoted_at" TIMESTAMPTZ(3),
    "demoted_reason" TEXT,
    "heartbeat_hash" BYTEA,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "targets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "target_dependencies" (
    "child_id" UUID NOT NULL,
    "parent_id" UUID NOT NULL,

    CONSTRAINT "target_dependencies_pkey" PRIMARY KEY ("child_id","parent_id")
);

-- CreateTable
CREATE TABLE "target_states" (
    "target_id" UUID NOT NULL,
    "state" "health_state" NOT NULL,
    "observed" "health_state" NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "successes" INTEGER NOT NULL DEFAULT 0,
    "slow" INTEGER NOT NULL DEFAULT 0,
    "first_failure_at" TIMESTAMPTZ(3),
    "outcomes" INTEGER NOT NULL DEFAULT 0,
    "outcome_count" INTEGER NOT NULL DEFAULT 0,
    "flapping" BOOLEAN NOT NULL DEFAULT false,
    "last_check_at" TIMESTAMPTZ(3),
    "latency_ms" REAL,
    "detail" TEXT,
    "tls_expires_at" TIMESTAMPTZ(3),
    "last_beat_at" TIMESTAMPTZ(3),
    "last_beat_failed" BOOLEAN NOT NULL DEFAULT false,
    "suppressed_by" UUID,
    "series_id" UUID,
    "version" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "target_states_pkey" PRIMARY KEY ("target_id")
);

-- CreateTable
CREATE TABLE "target_transitions" (
    "id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "from" "health_state" NOT NULL,
    "to" "health_state" NOT NULL,
    "reason" TEXT NOT NULL,

    CONSTRAINT "target_transitions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "episodes" (
    "id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "symptom" TEXT NOT NULL,
    "first_failure_at" TIMESTAMPTZ(3) NOT NULL,
    "down_at" TIMESTAMPTZ(3) NOT NULL,
    "first_remedy_at" TIMESTAMPTZ(3),
    "recovered_at" TIMESTAMPTZ(3),
    "escalated_at" TIMESTAMPTZ(3),
    "incident_id" UUID,

    CONSTRAINT "episodes_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "remedy_runs" (
    "id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "episode_id" UUID,
    "incident_id" UUID,
    "series_id" UUID NOT NULL,
    "attempt" INTEGER,
    "kind" TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "symptom" TEXT,
    "requested_by" TEXT NOT NULL,
    "decided_by" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "verify_until" TIMESTAMPTZ(3),
    "lease_until" TIMESTAMPTZ(3),
    "helped" BOOLEAN,
    "recovered_after_ms" INTEGER,
    "detail" TEXT,
    "output" TEXT,

    CONSTRAINT "remedy_runs_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "health_control" (
    "id" INTEGER NOT NULL,
    "frozen" BOOLEAN NOT NULL,
    "frozen_reason" TEXT,
    "frozen_by" TEXT,
    "frozen_at" TIMESTAMPTZ(3),

    CONSTRAINT "health_control_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "maintenance_windows" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "target_ids" UUID[],
    "starts_at" TIMESTAMPTZ(3),
    "ends_at" TIMESTAMPTZ(3),
    "cron" TEXT,
    "time_zone" TEXT NOT NULL DEFAULT 'UTC',
    "duration_minutes" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "cancelled_at" TIMESTAMPTZ(3),

    CONSTRAINT "maintenance_windows_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "incidents" (
    "id" UUID NOT NULL,
    "title" TEXT NOT NULL,
    "status" "incident_status" NOT NULL,
    "severity" "severity" NOT NULL,
    "target_id" UUID,
    "source" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "acknowledged_at" TIMESTAMPTZ(3),
    "acknowledged_by" TEXT,
    "resolved_at" TIMESTAMPTZ(3),
    "resolved_by" TEXT,
    "escalated_at" TIMESTAMPTZ(3),
    "notified_at" TIMESTAMPTZ(3),
    "next_notify_at" TIMESTAMPTZ(3),

    CONSTRAINT "incidents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "incident_members" (
    "incident_id" UUID NOT NULL,
    "target_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "joined_at" TIMESTAMPTZ(3) NOT NULL,
    "recovered_at" TIMESTAMPTZ(3),

    CONSTRAINT "incident_members_pkey" PRIMARY KEY ("incident_id","target_id")
);

-- CreateTable
CREATE TABLE "incident_events" (
    "id" BIGSERIAL NOT NULL,
    "incident_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "kind" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "actor" TEXT,
    "data" JSONB,

    CONSTRAINT "incident_events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "channels" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "channel_kind" NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "min_severity" "severity" NOT NULL DEFAULT 'warning',
    "settings" JSONB NOT NULL,
    "sealed" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "channels_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deliveries" (
    "id" UUID NOT NULL,
    "channel_id" UUID NOT NULL,
    "event_key" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "thread" TEXT NOT NULL,
    "severity" "severity" NOT NULL,
    "message" JSONB NOT NULL,
    "status" "delivery_status" NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL,
    "lease_until" TIMESTAMPTZ(3),
    "maybe_twice" BOOLEAN NOT NULL DEFAULT false,
    "last_error" TEXT,
    "last_status" INTEGER,
    "folded_into" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "delivered_at" TIMESTAMPTZ(3),

    CONSTRAINT "deliveries_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "game_days_started_at_id_idx" ON "game_days"("started_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "targets_ref_key" ON "targets"("ref");

-- CreateIndex
CREATE UNIQUE INDEX "targets_heartbeat_hash_key" ON "targets"("heartbeat_hash");

-- CreateIndex
CREATE INDEX "targets_name_id_idx" ON "targets"("name", "id");

-- CreateIndex
CREATE INDEX "targets_updated_at_idx" ON "targets"("updated_at");

-- CreateIndex
CREATE INDEX "target_dependencies_parent_id_idx" ON "target_dependencies"("parent_id");

-- CreateIndex
CREATE INDEX "target_states_state_idx" ON "target_states"("state");

-- CreateIndex
CREATE INDEX "target_transitions_target_id_at_idx" ON "target_transitions"("target_id", "at");

-- CreateIndex
CREATE INDEX "target_transitions_at_idx" ON "target_transitions"("at");

-- CreateIndex
CREATE INDEX "episodes_target_id_down_at_idx" ON "episodes"("target_id", "down_at");

-- CreateIndex
CREATE INDEX "remedy_runs_target_id_created_at_idx" ON "remedy_runs"("target_id", "created_at");

-- CreateIndex
CREATE INDEX "remedy_runs_status_idx" ON "remedy_runs"("status");

-- CreateIndex
CREATE INDEX "remedy_runs_created_at_id_idx" ON "remedy_runs"("created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "remedy_runs_target_id_series_id_attempt_key" ON "remedy_runs"("target_id", "series_id", "attempt");

-- CreateIndex
CREATE INDEX "maintenance_windows_created_at_id_idx" ON "maintenance_windows"("created_at", "id");

-- CreateIndex
CREATE INDEX "incidents_status_opened_at_idx" ON "incidents"("status", "opened_at");

-- CreateIndex
CREATE INDEX "incidents_opened_at_id_idx" ON "incidents"("opened_at", "id");

-- CreateIndex
CREATE INDEX "incidents_target_id_opened_at_idx" ON "incidents"("target_id", "opened_at");

-- CreateIndex
CREATE INDEX "incidents_next_notify_at_idx" ON "incidents"("next_notify_at");

-- CreateIndex
CREATE INDEX "incident_members_target_id_idx" ON "incident_members"("target_id");

-- CreateIndex
CREATE INDEX "incident_events_incident_id_id_idx" ON "incident_events"("incident_id", "id");

-- CreateIndex
CREATE INDEX "channels_created_at_id_idx" ON "channels"("created_at", "id");

-- CreateIndex
CREATE INDEX "deliveries_status_next_attempt_at_idx" ON "deliveries"("status", "next_attempt_at");

-- CreateIndex
CREATE INDEX "deliveries_channel_id_thread_created_at_idx" ON "deliveries"("channel_id", "thread", "created_at");

-- CreateIndex
CREATE INDEX "deliveries_created_at_id_idx" ON "deliveries"("created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "deliveries_channel_id_event_key_key" ON "deliveries"("channel_id", "event_key");

-- AddForeignKey
ALTER TABLE "target_dependencies" ADD CONSTRAINT "target_dependencies_child_id_fkey" FOREIGN KEY ("child_id") REFERENCES "targets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "target_dependencies" ADD CONSTRAINT "target_dependencies_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "targets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "target_states" ADD CONSTRAINT "target_states_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "targets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "target_transitions" ADD CONSTRAINT "target_transitions_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "targets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "episodes" ADD CONSTRAINT "episodes_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "targets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "remedy_runs" ADD CONSTRAINT "remedy_runs_target_id_fkey" FOREIGN KEY ("target_id") REFERENCES "targets"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "incident_members" ADD CONSTRAINT "incident_members_incident_id_fkey" FOREIGN KEY ("incident_id") REFERENCES "incidents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "incident_events" ADD CONSTRAINT "incident_events_incident_id_fkey" FOREIGN KEY ("incident_id") REFERENCES "incidents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_channel_id_fkey" FOREIGN KEY ("channel_id") REFERENCES "channels"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What the schema language cannot say.

-- One open episode and one running remedy a target, one unresolved incident a key: two replicas cannot both win.
CREATE UNIQUE INDEX "episodes_open_key" ON "episodes" ("target_id") WHERE "recovered_at" IS NULL;
CREATE UNIQUE INDEX "remedy_runs_running_key" ON "remedy_runs" ("target_id") WHERE "status" = 'running';
CREATE UNIQUE INDEX "incidents_open_key" ON "incidents" ("key") WHERE "status" <> 'resolved';
CREATE INDEX "deliveries_due" ON "deliveries" ("next_attempt_at") WHERE "status" IN ('pending', 'sending');
CREATE INDEX "deliveries_unsent" ON "deliveries" ("channel_id", "thread", "created_at", "id") WHERE "status" IN ('pending', 'sending', 'dead', 'folded');

-- Written each half second for the targets that were just checked: room for updates in place.
ALTER TABLE "target_states" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

INSERT INTO "health_control" ("id", "frozen") VALUES (1, false);

-- History. Partitions are made ahead by the console and dropped whole, so that deleting costs nothing.
-- Every check, a partition a day, seven days.
CREATE TABLE "health_checks" (
  "ref" integer NOT NULL,
  "at" timestamptz(3) NOT NULL,
  -- Null when there was no answer.
  "latency_ms" real,
  "ok" boolean NOT NULL,
  -- Not counted: during maintenance, or while the prober itself was offline.
  "excluded" boolean NOT NULL,
  "detail" text
) PARTITION BY RANGE ("at");
CREATE INDEX "health_checks_ref_at" ON "health_checks" ("ref", "at");

-- Sixty minutes in one row, a partition a day, 30 days.
CREATE TABLE "health_minutes" (
  "ref" integer NOT NULL,
  "hour" timestamptz(3) NOT NULL,
  "checks" smallint[] NOT NULL,
  "failures" smallint[] NOT NULL,
  "latency_sum" real[] NOT NULL,
  "latency_max" real[] NOT NULL,
  PRIMARY KEY ("ref", "hour")
) PARTITION BY RANGE ("hour");

-- One row an hour, a partition a month, 13 months.
CREATE TABLE "health_hours" (
  "ref" integer NOT NULL,
  "hour" timestamptz(3) NOT NULL,
  "checks" integer NOT NULL,
  "failures" integer NOT NULL,
  "latency_sum" real NOT NULL,
  "latency_max" real,
  PRIMARY KEY ("ref", "hour")
) PARTITION BY RANGE ("hour");

-- Up to which hour the checks were summed up.
CREATE TABLE "health_rolled" ("id" integer PRIMARY KEY, "until" timestamptz(3) NOT NULL);
