ALTER TABLE "node" ADD COLUMN "price_per_hour" double precision;--> statement-breakpoint
ALTER TABLE "pool" ADD COLUMN "price_per_hour" double precision;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "max_cost" double precision;