import { DrizzleQueryError } from "drizzle-orm";
import { expect, it } from "vitest";
import { asAppError } from "./errors";

const refused = (code: string) => Object.assign(new Error("no"), { code });

it.each<[string, unknown, string]>([
  ["nobody listens", new DrizzleQueryError("select", [], refused("ECONNREFUSED")), "database_away"],
  ["it is shut down", new DrizzleQueryError("select", [], refused("57P01")), "database_away"],
  [
    "it ended in the middle",
    new DrizzleQueryError("select", [], new Error("Connection terminated unexpectedly")),
    "database_away",
  ],
  ["it refuses a value", new DrizzleQueryError("select", [], refused("23505")), "internal"],
  ["another server is away", refused("ECONNREFUSED"), "internal"],
])("where %s", (_, thrown, code) => {
  expect(asAppError(thrown).code).toBe(code);
});
