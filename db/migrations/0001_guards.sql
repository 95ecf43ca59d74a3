-- What the database itself refuses, whatever the code above it believes.

INSERT INTO state_transition (machine, from_state, to_state) VALUES
  ('run', 'queued', 'running'), ('run', 'queued', 'failed'), ('run', 'queued', 'stopped'),
  ('run', 'running', 'succeeded'), ('run', 'running', 'failed'), ('run', 'running', 'stopped'),
  ('attempt', 'placing', 'starting'), ('attempt', 'placing', 'failed'), ('attempt', 'placing', 'stopped'), ('attempt', 'placing', 'lost'),
  ('attempt', 'starting', 'running'), ('attempt', 'starting', 'failed'), ('attempt', 'starting', 'stopped'), ('attempt', 'starting', 'lost'),
  ('attempt', 'running', 'succeeded'), ('attempt', 'running', 'failed'), ('attempt', 'running', 'stopped'), ('attempt', 'running', 'lost');
--> statement-breakpoint
CREATE FUNCTION refuse_illegal_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM state_transition WHERE machine = TG_ARGV[0] AND from_state = OLD.state AND to_state = NEW.state
  ) THEN
    RAISE EXCEPTION 'a % may not go from % to %', TG_ARGV[0], OLD.state, NEW.state USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER run_transition BEFORE UPDATE OF state ON run FOR EACH ROW EXECUTE FUNCTION refuse_illegal_transition('run');
--> statement-breakpoint
CREATE TRIGGER attempt_transition BEFORE UPDATE OF state ON attempt FOR EACH ROW EXECUTE FUNCTION refuse_illegal_transition('attempt');
--> statement-breakpoint
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
--> statement-breakpoint
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER approval_append_only BEFORE UPDATE OR DELETE ON approval FOR EACH ROW EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER route_table_append_only BEFORE UPDATE OR DELETE ON route_table FOR EACH ROW EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
-- The requester of an approval comes from the request itself, so that the self-approval check can't be bypassed.
CREATE FUNCTION take_requester() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT requested_by INTO STRICT NEW.requested_by FROM promotion_request WHERE id = NEW.request_id;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER approval_requester BEFORE INSERT ON approval FOR EACH ROW EXECUTE FUNCTION take_requester();
--> statement-breakpoint
-- A version's bytes, number and lineage never change; only what inspection says of it does.
CREATE FUNCTION keep_version_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.digest, NEW.float_digest, NEW.number, NEW.model_id, NEW.team_id) IS DISTINCT FROM
     (OLD.digest, OLD.float_digest, OLD.number, OLD.model_id, OLD.team_id)
     OR NEW.parent_id IS DISTINCT FROM OLD.parent_id OR NEW.recipe IS DISTINCT FROM OLD.recipe THEN
    RAISE EXCEPTION 'a version is immutable' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER version_immutable BEFORE UPDATE ON version FOR EACH ROW EXECUTE FUNCTION keep_version_identity();
