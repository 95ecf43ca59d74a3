CREATE TABLE "spend_pool" (
	"day" date NOT NULL,
	"pool" text NOT NULL,
	"team_id" text NOT NULL,
	"cluster_id" text NOT NULL,
	"micros" bigint NOT NULL,
	"node_ms" bigint NOT NULL,
	"unpriced_ms" bigint NOT NULL,
	"works" integer NOT NULL,
	CONSTRAINT "spend_pool_day_pool_team_id_cluster_id_pk" PRIMARY KEY("day","pool","team_id","cluster_id")
);
--> statement-breakpoint
CREATE INDEX "spend_pool_team_id_day_index" ON "spend_pool" USING btree ("team_id","day");--> statement-breakpoint
-- What was booked already.
INSERT INTO "spend_pool" ("day", "pool", "team_id", "cluster_id", "micros", "node_ms", "unpriced_ms", "works")
  SELECT "day", "pool", "team_id", "cluster_id", sum("micros"), sum("node_ms"), sum("unpriced_ms"),
    count(*) FILTER (WHERE "is_first" AND "work" <> '')
  FROM (SELECT *, row_number() OVER (
      PARTITION BY "cluster_id", date_trunc('month', "day"), "pool", "kind", "work" ORDER BY "day") = 1 AS "is_first"
    FROM "spend") "s"
  GROUP BY 1, 2, 3, 4;
