ALTER TABLE "version" ADD COLUMN "merged_with_id" text;--> statement-breakpoint
ALTER TABLE "version" ADD CONSTRAINT "version_merged_with_id_version_id_fk" FOREIGN KEY ("merged_with_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
-- Both parents of a merge are lineage, which never changes.
CREATE OR REPLACE FUNCTION keep_version_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.digest, NEW.float_digest, NEW.number, NEW.model_id, NEW.team_id) IS DISTINCT FROM
     (OLD.digest, OLD.float_digest, OLD.number, OLD.model_id, OLD.team_id)
     OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.merged_with_id IS DISTINCT FROM OLD.merged_with_id
     OR NEW.recipe IS DISTINCT FROM OLD.recipe THEN
    RAISE EXCEPTION 'a version is immutable' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
