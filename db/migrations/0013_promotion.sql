CREATE TABLE "release_policy" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"environment" text NOT NULL,
	"model_id" text,
	"revision" integer NOT NULL,
	"rules" jsonb,
	"digest" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "request_comment" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"request_id" text NOT NULL,
	"author_id" text NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
DROP INDEX "approval_request_id_approver_id_index";--> statement-breakpoint
ALTER TABLE "approval" ADD COLUMN "roles" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "release" ADD COLUMN "break_glass" text;--> statement-breakpoint
ALTER TABLE "release_policy" ADD CONSTRAINT "release_policy_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release_policy" ADD CONSTRAINT "release_policy_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release_policy" ADD CONSTRAINT "release_policy_created_by_user_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "request_comment" ADD CONSTRAINT "request_comment_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "request_comment" ADD CONSTRAINT "request_comment_request_id_promotion_request_id_fk" FOREIGN KEY ("request_id") REFERENCES "public"."promotion_request"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "request_comment" ADD CONSTRAINT "request_comment_author_id_user_id_fk" FOREIGN KEY ("author_id") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "release_policy_revision" ON "release_policy" USING btree ("team_id","environment",coalesce("model_id", ''),"revision");--> statement-breakpoint
CREATE INDEX "request_comment_request_id_created_at_index" ON "request_comment" USING btree ("request_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "approval_once" ON "approval" USING btree ("request_id","approver_id","decision","version_digest","evaluation_digest","policy_digest");--> statement-breakpoint
CREATE TRIGGER release_policy_append_only BEFORE UPDATE OR DELETE ON release_policy FOR EACH ROW EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
-- Nothing that was said is changed. Its author may take it back for ten minutes, which empties it and leaves its mark.
CREATE FUNCTION keep_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL AND NEW.body = ''
     AND (NEW.id, NEW.team_id, NEW.request_id, NEW.author_id, NEW.created_at)
       = (OLD.id, OLD.team_id, OLD.request_id, OLD.author_id, OLD.created_at)
     AND now() <= OLD.created_at + interval '10 minutes' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a comment stays as it was written' USING ERRCODE = 'check_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER request_comment_kept BEFORE UPDATE OR DELETE ON request_comment FOR EACH ROW EXECUTE FUNCTION keep_comment();
--> statement-breakpoint
-- That a release was made without approvals is never taken from it, nor given to another.
CREATE FUNCTION keep_broken_glass() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.break_glass IS DISTINCT FROM OLD.break_glass THEN
    RAISE EXCEPTION 'how a release was made is not changed' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER release_broken_glass BEFORE UPDATE OF break_glass ON release FOR EACH ROW EXECUTE FUNCTION keep_broken_glass();
--> statement-breakpoint
CREATE TABLE "webhook" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"url" text NOT NULL,
	"events" text[] NOT NULL,
	"sealed" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"removed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "webhook_cursor" (
	"name" text PRIMARY KEY NOT NULL,
	"cursor" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhook_delivery" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"webhook_id" text NOT NULL,
	"cause_id" text NOT NULL,
	"type" text NOT NULL,
	"body" text NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"dead_at" timestamp with time zone NOT NULL,
	"next_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_status" integer,
	"last_error" text,
	"last_ms" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "webhook" ADD CONSTRAINT "webhook_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook" ADD CONSTRAINT "webhook_created_by_user_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_webhook_id_webhook_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhook"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_team_id_index" ON "webhook" USING btree ("team_id");--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_delivery_webhook_id_cause_id_index" ON "webhook_delivery" USING btree ("webhook_id","cause_id");--> statement-breakpoint
CREATE INDEX "webhook_delivery_state_next_at_index" ON "webhook_delivery" USING btree ("state","next_at");--> statement-breakpoint
CREATE INDEX "webhook_delivery_team_id_created_at_index" ON "webhook_delivery" USING btree ("team_id","created_at");