-- Settings name their allocation and locked layers since they can be chosen; two spellings of one setting would be two.
UPDATE "studio_measurement" SET "settings" = '{"allocation": "magnitude", "layers": {}}'::jsonb || "settings";
