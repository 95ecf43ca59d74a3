DROP INDEX "serving_minute_model_id_version_id_gateway_id_minute_index";--> statement-breakpoint
DROP INDEX "serving_window_model_id_version_id_gateway_id_at_index";--> statement-breakpoint
DROP INDEX "shadow_minute_model_id_version_id_reference_id_gateway_id_minute_index";--> statement-breakpoint
ALTER TABLE "replica" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
ALTER TABLE "serving_minute" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
ALTER TABLE "drill" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
ALTER TABLE "serving_window" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
ALTER TABLE "shadow_minute" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
ALTER TABLE "crash_loop" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
ALTER TABLE "scaling" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
ALTER TABLE "wake" ADD COLUMN "environment" text DEFAULT 'production' NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "serving_minute_lane" ON "serving_minute" USING btree ("model_id","version_id","environment","gateway_id","minute");--> statement-breakpoint
CREATE UNIQUE INDEX "serving_window_lane" ON "serving_window" USING btree ("model_id","version_id","environment","gateway_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "shadow_minute_lane" ON "shadow_minute" USING btree ("model_id","version_id","reference_id","environment","gateway_id","minute");