ALTER TABLE "pool" ADD COLUMN "preemptible" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "pool" ADD COLUMN "schedule" jsonb;