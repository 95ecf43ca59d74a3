CREATE TABLE "drill" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"by" text NOT NULL,
	"is_warm" boolean NOT NULL,
	"plan_us" integer NOT NULL,
	"answer_us" integer,
	"message" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rollout" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"release_id" text NOT NULL,
	"strategy" jsonb NOT NULL,
	"phase" text NOT NULL,
	"step" integer DEFAULT 0 NOT NULL,
	"is_held" boolean DEFAULT false NOT NULL,
	"since" timestamp with time zone DEFAULT now() NOT NULL,
	"fired" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "serving_window" (
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"requests" integer NOT NULL,
	"errors" integer NOT NULL,
	"p50_us" integer NOT NULL,
	"p99_us" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "shadow_minute" (
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"reference_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"compared" integer NOT NULL,
	"agreed" integer NOT NULL,
	"not_compared" integer NOT NULL,
	"dropped" integer NOT NULL,
	"p50_us" integer NOT NULL,
	"p99_us" integer NOT NULL,
	"reference_p50_us" integer NOT NULL,
	"reference_p99_us" integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE "promotion_request" ADD COLUMN "strategy" jsonb DEFAULT '{"kind":"at_once"}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "drill" ADD CONSTRAINT "drill_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "drill" ADD CONSTRAINT "drill_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "drill" ADD CONSTRAINT "drill_version_id_version_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout" ADD CONSTRAINT "rollout_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout" ADD CONSTRAINT "rollout_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout" ADD CONSTRAINT "rollout_release_id_release_id_fk" FOREIGN KEY ("release_id") REFERENCES "public"."release"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "drill_model_id_created_at_index" ON "drill" USING btree ("model_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "rollout_release_id_index" ON "rollout" USING btree ("release_id");--> statement-breakpoint
CREATE INDEX "rollout_model_id_created_at_index" ON "rollout" USING btree ("model_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "serving_window_model_id_version_id_gateway_id_at_index" ON "serving_window" USING btree ("model_id","version_id","gateway_id","at");--> statement-breakpoint
CREATE INDEX "serving_window_at_index" ON "serving_window" USING btree ("at");--> statement-breakpoint
CREATE UNIQUE INDEX "shadow_minute_model_id_version_id_reference_id_gateway_id_minute_index" ON "shadow_minute" USING btree ("model_id","version_id","reference_id","gateway_id","minute");