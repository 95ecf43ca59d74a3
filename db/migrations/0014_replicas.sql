CREATE TABLE "crash_loop" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"ends" integer NOT NULL,
	"cause" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"retried_at" timestamp with time zone,
	"retried_by" text
);
--> statement-breakpoint
CREATE TABLE "scaling" (
	"revision" bigserial PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"min" integer NOT NULL,
	"max" integer NOT NULL,
	"target" integer NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "replica" ADD COLUMN "ended_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "replica" ADD COLUMN "leaving_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "serving_window" ADD COLUMN "in_flight" double precision DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "crash_loop" ADD CONSTRAINT "crash_loop_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "crash_loop" ADD CONSTRAINT "crash_loop_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "crash_loop" ADD CONSTRAINT "crash_loop_version_id_version_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "scaling" ADD CONSTRAINT "scaling_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "scaling" ADD CONSTRAINT "scaling_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "crash_loop_model_id_created_at_index" ON "crash_loop" USING btree ("model_id","created_at");--> statement-breakpoint
CREATE INDEX "scaling_model_id_revision_index" ON "scaling" USING btree ("model_id","revision");