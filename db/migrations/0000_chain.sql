CREATE TABLE "audit_entry" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"seq" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor_kind" text NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"target_kind" text NOT NULL,
	"target_id" text NOT NULL,
	"summary" text NOT NULL,
	"before" jsonb,
	"after" jsonb,
	"request_id" text,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "capacity_change" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"nodes" integer NOT NULL,
	"cpus" double precision NOT NULL,
	"cpus_used" double precision NOT NULL,
	"cpus_wanted" double precision NOT NULL,
	"gpus" double precision NOT NULL,
	"gpus_used" double precision NOT NULL,
	"gpus_wanted" double precision NOT NULL
);
--> statement-breakpoint
CREATE TABLE "cluster" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"token_hash" text,
	"enrol_token_hash" text,
	"desired_revision" bigint DEFAULT 1 NOT NULL,
	"applied_revision" bigint DEFAULT 0 NOT NULL,
	"incarnation" text,
	"last_seq" bigint DEFAULT -1 NOT NULL,
	"last_seen_at" timestamp with time zone,
	"observed" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "cluster_name_unique" UNIQUE("name"),
	CONSTRAINT "cluster_token_hash_unique" UNIQUE("token_hash"),
	CONSTRAINT "cluster_enrol_token_hash_unique" UNIQUE("enrol_token_hash")
);
--> statement-breakpoint
CREATE TABLE "node" (
	"id" text PRIMARY KEY NOT NULL,
	"cluster_id" text NOT NULL,
	"node_id" text NOT NULL,
	"name" text NOT NULL,
	"pool" text NOT NULL,
	"is_head" boolean NOT NULL,
	"state" text NOT NULL,
	"state_since" timestamp with time zone DEFAULT now() NOT NULL,
	"cpus" double precision NOT NULL,
	"gpus" double precision NOT NULL,
	"memory_bytes" bigint NOT NULL,
	"observed" jsonb NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"end_reason" text
);
--> statement-breakpoint
CREATE TABLE "pool" (
	"id" text PRIMARY KEY NOT NULL,
	"cluster_id" text NOT NULL,
	"name" text NOT NULL,
	"min" integer NOT NULL,
	"max" integer NOT NULL,
	"idle_seconds" integer NOT NULL,
	"resources" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "scaling_decision" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"cluster_id" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"direction" text NOT NULL,
	"pool" text NOT NULL,
	"requested" integer NOT NULL,
	"achieved" integer DEFAULT 0 NOT NULL,
	"achieved_at" timestamp with time zone,
	"reason" text NOT NULL,
	"demand" jsonb NOT NULL,
	"node_ids" text[] DEFAULT '{}' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "dataset" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"name" text NOT NULL,
	"digest" text NOT NULL,
	"state" text NOT NULL,
	"origin" text NOT NULL,
	"files" jsonb NOT NULL,
	"split" jsonb NOT NULL,
	"transform" jsonb NOT NULL,
	"labels" text[] DEFAULT '{}' NOT NULL,
	"report" jsonb,
	"refusal" jsonb,
	"run_id" text,
	"created_by" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "account" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"provider_id" text NOT NULL,
	"user_id" text NOT NULL,
	"access_token" text,
	"refresh_token" text,
	"id_token" text,
	"access_token_expires_at" timestamp with time zone,
	"refresh_token_expires_at" timestamp with time zone,
	"scope" text,
	"password" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "api_token" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"name" text NOT NULL,
	"token_hash" text NOT NULL,
	"hint" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_token_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "invite" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"roles" text[] NOT NULL,
	"token_hash" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"used_by" text,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "invite_token_hash_unique" UNIQUE("token_hash"),
	CONSTRAINT "invite_roles" CHECK (roles <@ array['viewer','engineer','approver','operator','admin']::text[] and cardinality(roles) > 0)
);
--> statement-breakpoint
CREATE TABLE "membership" (
	"team_id" text NOT NULL,
	"user_id" text NOT NULL,
	"roles" text[] NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "membership_team_id_user_id_pk" PRIMARY KEY("team_id","user_id"),
	CONSTRAINT "membership_roles" CHECK (roles <@ array['viewer','engineer','approver','operator','admin']::text[] and cardinality(roles) > 0)
);
--> statement-breakpoint
CREATE TABLE "session" (
	"id" text PRIMARY KEY NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"token" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ip_address" text,
	"user_agent" text,
	"user_id" text NOT NULL,
	CONSTRAINT "session_token_unique" UNIQUE("token")
);
--> statement-breakpoint
CREATE TABLE "team" (
	"id" text PRIMARY KEY NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "team_slug_unique" UNIQUE("slug")
);
--> statement-breakpoint
CREATE TABLE "user" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"email" text NOT NULL,
	"email_verified" boolean DEFAULT false NOT NULL,
	"image" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "user_email_unique" UNIQUE("email")
);
--> statement-breakpoint
CREATE TABLE "verification" (
	"id" text PRIMARY KEY NOT NULL,
	"identifier" text NOT NULL,
	"value" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "evaluation" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"version_id" text NOT NULL,
	"dataset_id" text NOT NULL,
	"baseline_version_id" text,
	"run_id" text NOT NULL,
	"accuracy" double precision NOT NULL,
	"n" integer NOT NULL,
	"result" jsonb NOT NULL,
	"digest" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "model" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"name" text NOT NULL,
	"task" text DEFAULT 'classification' NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"created_by" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"next_number" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "version" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"number" integer NOT NULL,
	"digest" text NOT NULL,
	"bytes" bigint NOT NULL,
	"float_digest" text NOT NULL,
	"filename" text NOT NULL,
	"state" text NOT NULL,
	"origin" text NOT NULL,
	"parent_id" text,
	"recipe" jsonb,
	"run_id" text,
	"tier" smallint,
	"inspection" jsonb,
	"refusal" jsonb,
	"sizes" jsonb,
	"provenance" jsonb,
	"note" text DEFAULT '' NOT NULL,
	"created_by" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "version_tier" CHECK (tier between 1 and 4)
);
--> statement-breakpoint
CREATE TABLE "blob" (
	"sha256" text PRIMARY KEY NOT NULL,
	"bytes" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "event" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"team_id" text,
	"topic" text NOT NULL,
	"key" text NOT NULL,
	"payload" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "lease" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"epoch" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "team_blob" (
	"team_id" text NOT NULL,
	"sha256" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "team_blob_team_id_sha256_pk" PRIMARY KEY("team_id","sha256")
);
--> statement-breakpoint
CREATE TABLE "upload" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"purpose" text NOT NULL,
	"filename" text NOT NULL,
	"bytes" bigint NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sha256" text,
	"finished_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "approval" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"request_id" text NOT NULL,
	"requested_by" text NOT NULL,
	"approver_id" text NOT NULL,
	"decision" text NOT NULL,
	"sentence" text DEFAULT '' NOT NULL,
	"version_digest" text NOT NULL,
	"evaluation_digest" text NOT NULL,
	"policy_digest" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "nobody_approves_their_own" CHECK (approver_id <> requested_by),
	CONSTRAINT "decline_needs_a_sentence" CHECK (decision <> 'decline' or length(trim(sentence)) >= 3)
);
--> statement-breakpoint
CREATE TABLE "gateway_report" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"gateway_id" text NOT NULL,
	"revision" bigint NOT NULL,
	"applied_at_ms" bigint NOT NULL,
	"reported_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "promotion_request" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"number" integer NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"baseline_version_id" text,
	"dataset_id" text NOT NULL,
	"environment" text NOT NULL,
	"state" text NOT NULL,
	"note" text NOT NULL,
	"requested_by" text NOT NULL,
	"run_id" text,
	"evidence" jsonb,
	"gates" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"version_digest" text NOT NULL,
	"evaluation_digest" text,
	"policy_digest" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"decided_at" timestamp with time zone,
	"release_id" text
);
--> statement-breakpoint
CREATE TABLE "release" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"environment" text NOT NULL,
	"revision" integer NOT NULL,
	"version_id" text NOT NULL,
	"kind" text NOT NULL,
	"previous_id" text,
	"restores_id" text,
	"request_id" text,
	"replicas" integer DEFAULT 1 NOT NULL,
	"state" text NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"serving_at" timestamp with time zone,
	"replaced_at" timestamp with time zone,
	"route_revision" bigint,
	"rolled_back_from" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "replica" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"cluster_id" text NOT NULL,
	"state" text DEFAULT 'starting' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"address" text,
	"node_id" text,
	"pid" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ready_at" timestamp with time zone,
	"undesired_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "route_table" (
	"revision" bigserial PRIMARY KEY NOT NULL,
	"routes" jsonb NOT NULL,
	"cause" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "serving_minute" (
	"team_id" text NOT NULL,
	"model_id" text NOT NULL,
	"version_id" text NOT NULL,
	"gateway_id" text NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"requests" integer NOT NULL,
	"errors" integer NOT NULL,
	"p50_us" integer NOT NULL,
	"p99_us" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "attempt" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"run_id" text NOT NULL,
	"number" integer NOT NULL,
	"state" text DEFAULT 'placing' NOT NULL,
	"job_id" text NOT NULL,
	"state_since" timestamp with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"last_report_at" timestamp with time zone,
	"result_at" timestamp with time zone,
	"cause" jsonb,
	"first_step" integer,
	"last_step" integer,
	"steps_lost" integer,
	"workers" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"observed" jsonb
);
--> statement-breakpoint
CREATE TABLE "checkpoint" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"run_id" text NOT NULL,
	"attempt_id" text NOT NULL,
	"step" integer NOT NULL,
	"sha256" text NOT NULL,
	"bytes" bigint NOT NULL,
	"metrics" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "log_chunk" (
	"id" bigserial NOT NULL,
	"run_id" text NOT NULL,
	"attempt_id" text NOT NULL,
	"rank" smallint NOT NULL,
	"offset" bigint NOT NULL,
	"length" integer NOT NULL,
	"lines" integer NOT NULL,
	"body" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "log_chunk_attempt_id_rank_offset_pk" PRIMARY KEY("attempt_id","rank","offset")
);
--> statement-breakpoint
CREATE TABLE "point" (
	"series_id" bigint NOT NULL,
	"step" bigint NOT NULL,
	"ts" bigint NOT NULL,
	"value" double precision NOT NULL,
	CONSTRAINT "point_series_id_step_ts_value_pk" PRIMARY KEY("series_id","step","ts","value")
);
--> statement-breakpoint
CREATE TABLE "rollup" (
	"series_id" bigint NOT NULL,
	"level" integer NOT NULL,
	"bucket" bigint NOT NULL,
	"n" integer NOT NULL,
	"min" double precision NOT NULL,
	"max" double precision NOT NULL,
	"sum" double precision NOT NULL,
	"last" double precision NOT NULL,
	"last_step" bigint NOT NULL,
	"last_ts" bigint NOT NULL,
	CONSTRAINT "rollup_series_id_level_bucket_pk" PRIMARY KEY("series_id","level","bucket")
);
--> statement-breakpoint
CREATE TABLE "run" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"number" integer NOT NULL,
	"kind" text NOT NULL,
	"title" text NOT NULL,
	"state" text DEFAULT 'queued' NOT NULL,
	"spec" jsonb NOT NULL,
	"resources" jsonb NOT NULL,
	"cluster_id" text NOT NULL,
	"max_attempts" integer DEFAULT 3 NOT NULL,
	"model_id" text,
	"version_id" text,
	"dataset_id" text,
	"promotion_request_id" text,
	"intent" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"progress" jsonb,
	"result" jsonb,
	"result_version_id" text,
	"cause" jsonb,
	"stop_requested_at" timestamp with time zone,
	"created_by" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "series" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"run_id" text NOT NULL,
	"attempt_id" text NOT NULL,
	"rank" smallint NOT NULL,
	"name" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "state_transition" (
	"machine" text NOT NULL,
	"from_state" text NOT NULL,
	"to_state" text NOT NULL,
	CONSTRAINT "state_transition_machine_from_state_to_state_pk" PRIMARY KEY("machine","from_state","to_state")
);
--> statement-breakpoint
CREATE TABLE "studio_measurement" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"version_id" text NOT NULL,
	"dataset_id" text NOT NULL,
	"session_id" text NOT NULL,
	"rev" integer NOT NULL,
	"settings" jsonb NOT NULL,
	"measured" jsonb NOT NULL,
	"n" integer NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "studio_session" (
	"id" text PRIMARY KEY NOT NULL,
	"team_id" text NOT NULL,
	"version_id" text NOT NULL,
	"dataset_id" text NOT NULL,
	"cluster_id" text NOT NULL,
	"state" text DEFAULT 'opening' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"address" text,
	"node_id" text,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"closed_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "audit_entry" ADD CONSTRAINT "audit_entry_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "capacity_change" ADD CONSTRAINT "capacity_change_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "node" ADD CONSTRAINT "node_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pool" ADD CONSTRAINT "pool_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "scaling_decision" ADD CONSTRAINT "scaling_decision_cluster_id_cluster_id_fk" FOREIGN KEY ("cluster_id") REFERENCES "public"."cluster"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "account" ADD CONSTRAINT "account_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_created_by_user_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invite" ADD CONSTRAINT "invite_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invite" ADD CONSTRAINT "invite_created_by_user_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invite" ADD CONSTRAINT "invite_used_by_user_id_fk" FOREIGN KEY ("used_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "membership" ADD CONSTRAINT "membership_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "membership" ADD CONSTRAINT "membership_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation" ADD CONSTRAINT "evaluation_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation" ADD CONSTRAINT "evaluation_version_id_version_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation" ADD CONSTRAINT "evaluation_dataset_id_dataset_id_fk" FOREIGN KEY ("dataset_id") REFERENCES "public"."dataset"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "evaluation" ADD CONSTRAINT "evaluation_baseline_version_id_version_id_fk" FOREIGN KEY ("baseline_version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "model" ADD CONSTRAINT "model_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "version" ADD CONSTRAINT "version_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "version" ADD CONSTRAINT "version_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "version" ADD CONSTRAINT "version_digest_blob_sha256_fk" FOREIGN KEY ("digest") REFERENCES "public"."blob"("sha256") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "version" ADD CONSTRAINT "version_float_digest_blob_sha256_fk" FOREIGN KEY ("float_digest") REFERENCES "public"."blob"("sha256") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "version" ADD CONSTRAINT "version_parent_id_version_id_fk" FOREIGN KEY ("parent_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "team_blob" ADD CONSTRAINT "team_blob_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "team_blob" ADD CONSTRAINT "team_blob_sha256_blob_sha256_fk" FOREIGN KEY ("sha256") REFERENCES "public"."blob"("sha256") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload" ADD CONSTRAINT "upload_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload" ADD CONSTRAINT "upload_created_by_user_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upload" ADD CONSTRAINT "upload_sha256_blob_sha256_fk" FOREIGN KEY ("sha256") REFERENCES "public"."blob"("sha256") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approval" ADD CONSTRAINT "approval_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approval" ADD CONSTRAINT "approval_request_id_promotion_request_id_fk" FOREIGN KEY ("request_id") REFERENCES "public"."promotion_request"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "approval" ADD CONSTRAINT "approval_approver_id_user_id_fk" FOREIGN KEY ("approver_id") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promotion_request" ADD CONSTRAINT "promotion_request_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promotion_request" ADD CONSTRAINT "promotion_request_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promotion_request" ADD CONSTRAINT "promotion_request_version_id_version_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promotion_request" ADD CONSTRAINT "promotion_request_baseline_version_id_version_id_fk" FOREIGN KEY ("baseline_version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promotion_request" ADD CONSTRAINT "promotion_request_requested_by_user_id_fk" FOREIGN KEY ("requested_by") REFERENCES "public"."user"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release" ADD CONSTRAINT "release_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release" ADD CONSTRAINT "release_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release" ADD CONSTRAINT "release_version_id_version_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release" ADD CONSTRAINT "release_previous_id_release_id_fk" FOREIGN KEY ("previous_id") REFERENCES "public"."release"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release" ADD CONSTRAINT "release_restores_id_release_id_fk" FOREIGN KEY ("restores_id") REFERENCES "public"."release"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "release" ADD CONSTRAINT "release_request_id_promotion_request_id_fk" FOREIGN KEY ("request_id") REFERENCES "public"."promotion_request"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replica" ADD CONSTRAINT "replica_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replica" ADD CONSTRAINT "replica_model_id_model_id_fk" FOREIGN KEY ("model_id") REFERENCES "public"."model"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "replica" ADD CONSTRAINT "replica_version_id_version_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attempt" ADD CONSTRAINT "attempt_run_id_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."run"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_run_id_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."run"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_attempt_id_attempt_id_fk" FOREIGN KEY ("attempt_id") REFERENCES "public"."attempt"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_sha256_blob_sha256_fk" FOREIGN KEY ("sha256") REFERENCES "public"."blob"("sha256") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "log_chunk" ADD CONSTRAINT "log_chunk_attempt_id_attempt_id_fk" FOREIGN KEY ("attempt_id") REFERENCES "public"."attempt"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run" ADD CONSTRAINT "run_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "series" ADD CONSTRAINT "series_attempt_id_attempt_id_fk" FOREIGN KEY ("attempt_id") REFERENCES "public"."attempt"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "studio_measurement" ADD CONSTRAINT "studio_measurement_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "studio_measurement" ADD CONSTRAINT "studio_measurement_session_id_studio_session_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."studio_session"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "studio_session" ADD CONSTRAINT "studio_session_team_id_team_id_fk" FOREIGN KEY ("team_id") REFERENCES "public"."team"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "studio_session" ADD CONSTRAINT "studio_session_version_id_version_id_fk" FOREIGN KEY ("version_id") REFERENCES "public"."version"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "studio_session" ADD CONSTRAINT "studio_session_dataset_id_dataset_id_fk" FOREIGN KEY ("dataset_id") REFERENCES "public"."dataset"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "audit_entry_team_id_seq_index" ON "audit_entry" USING btree ("team_id","seq");--> statement-breakpoint
CREATE INDEX "audit_entry_team_id_created_at_index" ON "audit_entry" USING btree ("team_id","created_at");--> statement-breakpoint
CREATE INDEX "capacity_change_cluster_id_at_index" ON "capacity_change" USING btree ("cluster_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "node_cluster_id_node_id_index" ON "node" USING btree ("cluster_id","node_id");--> statement-breakpoint
CREATE INDEX "node_cluster_id_started_at_index" ON "node" USING btree ("cluster_id","started_at");--> statement-breakpoint
CREATE UNIQUE INDEX "pool_cluster_id_name_index" ON "pool" USING btree ("cluster_id","name");--> statement-breakpoint
CREATE INDEX "scaling_decision_cluster_id_at_index" ON "scaling_decision" USING btree ("cluster_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "dataset_team_id_name_index" ON "dataset" USING btree ("team_id","name");--> statement-breakpoint
CREATE INDEX "account_user_id_index" ON "account" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "api_token_team_id_name_index" ON "api_token" USING btree ("team_id","name");--> statement-breakpoint
CREATE INDEX "invite_team_id_index" ON "invite" USING btree ("team_id");--> statement-breakpoint
CREATE INDEX "membership_user_id_index" ON "membership" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "session_user_id_index" ON "session" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "evaluation_version_id_created_at_index" ON "evaluation" USING btree ("version_id","created_at");--> statement-breakpoint
CREATE INDEX "evaluation_team_id_index" ON "evaluation" USING btree ("team_id");--> statement-breakpoint
CREATE UNIQUE INDEX "model_team_id_name_index" ON "model" USING btree ("team_id","name");--> statement-breakpoint
CREATE INDEX "model_team_id_updated_at_index" ON "model" USING btree ("team_id","updated_at");--> statement-breakpoint
CREATE UNIQUE INDEX "version_model_id_number_index" ON "version" USING btree ("model_id","number");--> statement-breakpoint
CREATE INDEX "version_team_id_created_at_index" ON "version" USING btree ("team_id","created_at");--> statement-breakpoint
CREATE INDEX "event_xid_id_index" ON "event" USING btree ("xid","id");--> statement-breakpoint
CREATE INDEX "event_created_at_index" ON "event" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "upload_team_id_index" ON "upload" USING btree ("team_id");--> statement-breakpoint
CREATE UNIQUE INDEX "approval_request_id_approver_id_index" ON "approval" USING btree ("request_id","approver_id");--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_report_gateway_id_revision_index" ON "gateway_report" USING btree ("gateway_id","revision");--> statement-breakpoint
CREATE UNIQUE INDEX "promotion_request_team_id_number_index" ON "promotion_request" USING btree ("team_id","number");--> statement-breakpoint
CREATE INDEX "promotion_request_team_id_state_index" ON "promotion_request" USING btree ("team_id","state");--> statement-breakpoint
CREATE INDEX "promotion_request_model_id_index" ON "promotion_request" USING btree ("model_id");--> statement-breakpoint
CREATE UNIQUE INDEX "release_model_id_environment_revision_index" ON "release" USING btree ("model_id","environment","revision");--> statement-breakpoint
CREATE INDEX "release_team_id_created_at_index" ON "release" USING btree ("team_id","created_at");--> statement-breakpoint
CREATE INDEX "replica_version_id_index" ON "replica" USING btree ("version_id");--> statement-breakpoint
CREATE INDEX "replica_state_index" ON "replica" USING btree ("state");--> statement-breakpoint
CREATE UNIQUE INDEX "serving_minute_model_id_version_id_gateway_id_minute_index" ON "serving_minute" USING btree ("model_id","version_id","gateway_id","minute");--> statement-breakpoint
CREATE INDEX "serving_minute_team_id_minute_index" ON "serving_minute" USING btree ("team_id","minute");--> statement-breakpoint
CREATE UNIQUE INDEX "attempt_run_id_number_index" ON "attempt" USING btree ("run_id","number");--> statement-breakpoint
CREATE INDEX "attempt_state_index" ON "attempt" USING btree ("state");--> statement-breakpoint
CREATE INDEX "attempt_job_id_index" ON "attempt" USING btree ("job_id");--> statement-breakpoint
CREATE UNIQUE INDEX "checkpoint_attempt_id_step_index" ON "checkpoint" USING btree ("attempt_id","step");--> statement-breakpoint
CREATE INDEX "checkpoint_run_id_step_index" ON "checkpoint" USING btree ("run_id","step");--> statement-breakpoint
CREATE INDEX "log_chunk_run_id_id_index" ON "log_chunk" USING btree ("run_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "run_team_id_number_index" ON "run" USING btree ("team_id","number");--> statement-breakpoint
CREATE INDEX "run_team_id_created_at_index" ON "run" USING btree ("team_id","created_at");--> statement-breakpoint
CREATE INDEX "run_state_index" ON "run" USING btree ("state");--> statement-breakpoint
CREATE INDEX "run_version_id_index" ON "run" USING btree ("version_id");--> statement-breakpoint
CREATE UNIQUE INDEX "series_attempt_id_rank_name_index" ON "series" USING btree ("attempt_id","rank","name");--> statement-breakpoint
CREATE INDEX "series_run_id_index" ON "series" USING btree ("run_id");--> statement-breakpoint
CREATE UNIQUE INDEX "studio_measurement_session_id_rev_index" ON "studio_measurement" USING btree ("session_id","rev");--> statement-breakpoint
CREATE INDEX "studio_measurement_team_id_version_id_dataset_id_index" ON "studio_measurement" USING btree ("team_id","version_id","dataset_id");--> statement-breakpoint
CREATE INDEX "studio_session_team_id_version_id_index" ON "studio_session" USING btree ("team_id","version_id");--> statement-breakpoint
CREATE INDEX "studio_session_state_index" ON "studio_session" USING btree ("state");