ALTER TABLE "attempt" ADD COLUMN "worker_count" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
-- Until now every attempt had as many workers as its run asks for.
UPDATE "attempt" SET "worker_count" = ("run"."resources" ->> 'workers')::int FROM "run" WHERE "run"."id" = "attempt"."run_id";--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "grow_to" integer;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "grow_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "grow_requested_at" timestamp with time zone;
