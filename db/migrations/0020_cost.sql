CREATE TABLE "budget" (
	"team_id" text PRIMARY KEY NOT NULL,
	"amount" double precision,
	"thresholds" integer[] NOT NULL,
	"is_hard" boolean NOT NULL,
	"revision" integer NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "spend" (
	"cluster_id" text NOT NULL,
	"day" date NOT NULL,
	"pool" text NOT NULL,
	"kind" text NOT NULL,
	"work" text NOT NULL,
	"team_id" text NOT NULL,
	"micros" bigint NOT NULL,
	"node_ms" bigint NOT NULL,
	"unpriced_ms" bigint NOT NULL,
	CONSTRAINT "spend_cluster_id_day_pool_kind_work_pk" PRIMARY KEY("cluster_id","day","pool","kind","work")
);
--> statement-breakpoint
CREATE TABLE "spend_day" (
	"cluster_id" text NOT NULL,
	"day" date NOT NULL,
	"until" timestamp with time zone NOT NULL,
	"is_closed" boolean NOT NULL,
	CONSTRAINT "spend_day_cluster_id_day_pk" PRIMARY KEY("cluster_id","day")
);
--> statement-breakpoint
ALTER TABLE "budget" ADD CONSTRAINT "budget_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "spend_team_id_day_index" ON "spend" USING btree ("team_id","day");--> statement-breakpoint
CREATE INDEX "spend_work_index" ON "spend" USING btree ("work");--> statement-breakpoint
CREATE INDEX "node_interval_cluster_id_until_index" ON "node_interval" USING btree ("cluster_id","until");--> statement-breakpoint
CREATE INDEX "attempt_ended_at_index" ON "attempt" USING btree ("ended_at");