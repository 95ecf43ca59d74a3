CREATE TABLE "replica_placement" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"cluster_id" text NOT NULL,
	"replica_id" text NOT NULL,
	"node_id" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"until" timestamp with time zone,
	CONSTRAINT "replica_placement_forward" CHECK (until >= since)
);
--> statement-breakpoint
ALTER TABLE "replica_placement" ADD CONSTRAINT "replica_placement_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replica_placement" ADD CONSTRAINT "replica_placement_replica_id_replica_id_fk" FOREIGN KEY ("replica_id") REFERENCES "public"."replica"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "replica_placement_open" ON "replica_placement" USING btree ("replica_id") WHERE "replica_placement"."until" is null;--> statement-breakpoint
CREATE INDEX "replica_placement_replica_id_since_index" ON "replica_placement" USING btree ("replica_id","since");--> statement-breakpoint
CREATE INDEX "replica_placement_cluster_id_until_index" ON "replica_placement" USING btree ("cluster_id","until");--> statement-breakpoint
CREATE INDEX "replica_placement_node_id_index" ON "replica_placement" USING btree ("node_id");--> statement-breakpoint
-- What is known of those that were there before: the last node, for as long as the replica was wanted.
INSERT INTO "replica_placement" ("team_id", "cluster_id", "replica_id", "node_id", "since", "until")
  SELECT "team_id", "cluster_id", "id", "node_id", "created_at", greatest("created_at", least("ended_at", "undesired_at"))
  FROM "replica" WHERE "node_id" IS NOT NULL
    AND ("state" IN ('starting', 'ready') OR "ended_at" IS NOT NULL OR "undesired_at" IS NOT NULL);
