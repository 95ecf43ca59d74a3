CREATE TABLE "demand_interval" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" text NOT NULL,
	"key" text NOT NULL,
	"shape" jsonb NOT NULL,
	"owner" text,
	"count" integer NOT NULL,
	"peak" integer NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "node_interval" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" text NOT NULL,
	"node_id" text NOT NULL,
	"state" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "node_usage" (
	"serial" integer NOT NULL,
	"level" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"mean" real[] NOT NULL,
	"peak" real[] NOT NULL,
	CONSTRAINT "node_usage_serial_level_at_pk" PRIMARY KEY("serial","level","at")
);
--> statement-breakpoint
CREATE TABLE "pool_usage" (
	"cluster_id" text NOT NULL,
	"pool" text NOT NULL,
	"level" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"mean" real[] NOT NULL,
	"peak" real[] NOT NULL,
	CONSTRAINT "pool_usage_cluster_id_pool_level_at_pk" PRIMARY KEY("cluster_id","pool","level","at")
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "usage_open" (
	"cluster_id" text NOT NULL,
	"of" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"packed" "bytea" NOT NULL,
	"latest" text,
	"latest_at" timestamp with time zone,
	CONSTRAINT "usage_open_cluster_id_of_pk" PRIMARY KEY("cluster_id","of")
);
--> statement-breakpoint
ALTER TABLE "cluster" ADD COLUMN "superseded" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "cluster" ADD COLUMN "observed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "cluster" ADD COLUMN "silent_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "cluster" ADD COLUMN "silence" text;--> statement-breakpoint
ALTER TABLE "cluster" ADD COLUMN "dropped_readings" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "node" ADD COLUMN "serial" integer NOT NULL GENERATED ALWAYS AS IDENTITY (sequence name "node_serial_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1);--> statement-breakpoint
ALTER TABLE "node" ADD COLUMN "wish" text;--> statement-breakpoint
ALTER TABLE "node" ADD COLUMN "wish_reason" text;--> statement-breakpoint
ALTER TABLE "node" ADD COLUMN "wished_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "node" ADD COLUMN "wished_by" text;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD COLUMN "cause" text DEFAULT 'demand' NOT NULL;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD COLUMN "useful_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD COLUMN "cooldown_seconds" integer;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD COLUMN "failures" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD COLUMN "failed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD COLUMN "failure" text;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD COLUMN "retry_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "demand_interval" ADD CONSTRAINT "demand_interval_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node_interval" ADD CONSTRAINT "node_interval_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pool_usage" ADD CONSTRAINT "pool_usage_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_open" ADD CONSTRAINT "usage_open_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "demand_interval_open" ON "demand_interval" USING btree ("cluster_id","key") WHERE "demand_interval"."until" is null;--> statement-breakpoint
CREATE INDEX "demand_interval_cluster_id_since_index" ON "demand_interval" USING btree ("cluster_id","since");--> statement-breakpoint
CREATE UNIQUE INDEX "node_interval_open" ON "node_interval" USING btree ("cluster_id","node_id") WHERE "node_interval"."until" is null;--> statement-breakpoint
CREATE INDEX "node_interval_cluster_id_node_id_since_index" ON "node_interval" USING btree ("cluster_id","node_id","since");--> statement-breakpoint
CREATE INDEX "node_usage_at" ON "node_usage" USING brin ("at");--> statement-breakpoint
CREATE INDEX "node_usage_coarse" ON "node_usage" USING btree ("at") WHERE "node_usage"."level" = 3600;--> statement-breakpoint
CREATE UNIQUE INDEX "node_serial_index" ON "node" USING btree ("serial");--> statement-breakpoint
CREATE INDEX "node_alive" ON "node" USING btree ("cluster_id") WHERE "node"."state" <> 'gone';--> statement-breakpoint
-- Compressing what is written every second would cost more than writing it.
ALTER TABLE "usage_open" ALTER COLUMN "packed" SET STORAGE EXTERNAL, ALTER COLUMN "latest" SET STORAGE EXTERNAL;--> statement-breakpoint
ALTER TABLE "node_interval" ADD CONSTRAINT "node_interval_forward" CHECK ("until" >= "since");--> statement-breakpoint
ALTER TABLE "demand_interval" ADD CONSTRAINT "demand_interval_forward" CHECK ("until" >= "since"),
  ADD CONSTRAINT "demand_interval_counts" CHECK ("count" >= 0 AND "peak" >= "count");--> statement-breakpoint
ALTER TABLE "capacity_change" ADD CONSTRAINT "capacity_change_parts" CHECK ("nodes" >= 0 AND "cpus_used" >= 0 AND "cpus_used" <= "cpus" AND "cpus_wanted" >= "cpus_used"
  AND "gpus_used" >= 0 AND "gpus_used" <= "gpus" AND "gpus_wanted" >= "gpus_used") NOT VALID;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD CONSTRAINT "scaling_decision_counts" CHECK ("achieved" >= 0 AND "achieved" <= "requested") NOT VALID;--> statement-breakpoint
UPDATE "scaling_decision" d SET "cause" = n.end_reason FROM "node" n
  WHERE d.direction = 'down' AND n.cluster_id = d.cluster_id AND n.node_id = d.node_ids[1] AND n.end_reason IS NOT NULL;--> statement-breakpoint
INSERT INTO "node_interval" ("cluster_id", "node_id", "state", "since", "until")
  SELECT "cluster_id", "node_id", CASE "state" WHEN 'gone' THEN 'active' ELSE "state" END, "started_at", "ended_at" FROM "node";
--> statement-breakpoint
UPDATE "node" SET "observed" = '{"cordoned": false, "gpuMemoryBytes": null, "diskBytes": null, "labels": {}}'::jsonb || "observed" - 'cpuPercent' - 'memoryUsedBytes';
