ALTER TABLE "attempt" ADD COLUMN "admitted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "stop_reason" text;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "pause_requested_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "resumes" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "origin_id" text;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "origin_kind" text;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "start_checkpoint" jsonb;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "priority" text DEFAULT 'normal' NOT NULL;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "max_hours" double precision;--> statement-breakpoint
-- Until now every attempt was asked for as soon as it was there.
UPDATE "attempt" SET "admitted_at" = "created_at";--> statement-breakpoint
INSERT INTO state_transition (machine, from_state, to_state) VALUES
  ('run', 'queued', 'paused'), ('run', 'running', 'paused'), ('run', 'paused', 'queued'), ('run', 'paused', 'stopped');
