CREATE TABLE "wake" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"asked_at" timestamp with time zone DEFAULT now() NOT NULL,
	"cold_start_ms" integer
);
--> statement-breakpoint
ALTER TABLE "scaling" ADD COLUMN "idle_minutes" integer DEFAULT 15 NOT NULL;--> statement-breakpoint
CREATE INDEX "wake_model_id_asked_at_index" ON "wake" USING btree ("model_id","asked_at");