CREATE TABLE "chunk" (
	"series_id" bigint NOT NULL,
	"bucket" bigint NOT NULL,
	"part" integer NOT NULL,
	"body" "bytea",
	"n" integer NOT NULL,
	"min" double precision NOT NULL,
	"max" double precision NOT NULL,
	"sum" double precision NOT NULL,
	"last" double precision NOT NULL,
	"last_step" bigint NOT NULL,
	"last_ts" bigint NOT NULL,
	CONSTRAINT "chunk_series_id_bucket_part_pk" PRIMARY KEY("series_id","bucket","part")
);
--> statement-breakpoint
-- Points become chunks of 64 steps and at most 64 points; packed, they are three columns of big-endian doubles.
INSERT INTO "chunk" (series_id, bucket, part, body, n, min, max, sum, last, last_step, last_ts)
SELECT series_id, bucket, part,
  string_agg(float8send(step::float8), ''::bytea ORDER BY place)
    || string_agg(float8send(ts::float8), ''::bytea ORDER BY place)
    || string_agg(float8send(value), ''::bytea ORDER BY place),
  count(*), min(value), max(value),
  sum(CASE WHEN abs(value) > 1e290 THEN sign(value) * 'Infinity'::float8 ELSE value END ORDER BY place),
  (array_agg(value ORDER BY place DESC))[1], max(step), (array_agg(ts ORDER BY place DESC))[1]
FROM (
  SELECT *, step / 64 AS bucket, ((place - 1) / 64)::int AS part
  FROM (
    SELECT *, row_number() OVER (PARTITION BY series_id, step / 64 ORDER BY step, ts, value) AS place FROM "point"
  ) AS placed
) AS parted
GROUP BY series_id, bucket, part;--> statement-breakpoint
DROP TABLE "point";--> statement-breakpoint
DELETE FROM "rollup" WHERE level <> 1024;--> statement-breakpoint
ALTER TABLE "rollup" DROP CONSTRAINT "rollup_series_id_level_bucket_pk";--> statement-breakpoint
ALTER TABLE "rollup" ADD CONSTRAINT "rollup_series_id_bucket_pk" PRIMARY KEY("series_id","bucket");--> statement-breakpoint
ALTER TABLE "rollup" DROP COLUMN "level";
--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "points_compacted_at" timestamp with time zone;