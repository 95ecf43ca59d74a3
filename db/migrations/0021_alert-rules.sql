CREATE TABLE "alert_member" (
	"alert_id" text NOT NULL,
	"team_id" text NOT NULL,
	"key" text NOT NULL,
	"about" text NOT NULL,
	"severity" text NOT NULL,
	"title" text NOT NULL,
	"detail" text NOT NULL,
	"path" text NOT NULL,
	"state" text NOT NULL,
	"began_at" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	"fired_at" timestamp with time zone,
	"gone_at" timestamp with time zone,
	CONSTRAINT "alert_member_alert_id_key_pk" PRIMARY KEY("alert_id","key")
);
--> statement-breakpoint
CREATE TABLE "alert_rule" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"starter" text,
	"name" text NOT NULL,
	"note" text DEFAULT '' NOT NULL,
	"severity" text NOT NULL,
	"looks" jsonb NOT NULL,
	"webhooks" text[],
	"is_on" boolean DEFAULT true NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"removed_at" timestamp with time zone
);
--> statement-breakpoint
DROP INDEX "alert_open";--> statement-breakpoint
ALTER TABLE "alert" RENAME COLUMN "key" TO "rule";--> statement-breakpoint
ALTER TABLE "alert" ADD COLUMN "told_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "alert_member" ADD CONSTRAINT "alert_member_alert_id_alert_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."alert"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_member" ADD CONSTRAINT "alert_member_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_rule" ADD CONSTRAINT "alert_rule_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_rule" ADD CONSTRAINT "alert_rule_created_by_user_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "alert_rule_starter" ON "alert_rule" USING btree ("team_id","starter") WHERE "alert_rule"."starter" is not null;--> statement-breakpoint
CREATE INDEX "alert_rule_team_id_index" ON "alert_rule" USING btree ("team_id");--> statement-breakpoint
-- One alert of a rule is open from now on, and what it is about are its members: of several the oldest goes on.
DELETE FROM "alert" WHERE "state" = 'pending';--> statement-breakpoint
INSERT INTO "alert_member" ("alert_id", "team_id", "key", "about", "severity", "title", "detail", "path", "state", "began_at", "seen_at", "fired_at")
  SELECT first_value(id) OVER (PARTITION BY team_id, split_part(rule, ':', 1) ORDER BY fired_at, id), team_id, rule, title, severity, title, detail, path, 'firing', began_at, seen_at, fired_at
  FROM "alert" WHERE state = 'firing';--> statement-breakpoint
UPDATE "alert" a SET state = 'resolved', resolved_at = now()
  WHERE state = 'firing' AND NOT EXISTS (SELECT FROM "alert_member" m WHERE m.alert_id = a.id);--> statement-breakpoint
UPDATE "alert" SET told_at = fired_at, rule = split_part(rule, ':', 1);--> statement-breakpoint
CREATE UNIQUE INDEX "alert_open" ON "alert" USING btree ("team_id","rule") WHERE "alert"."state" <> 'resolved';