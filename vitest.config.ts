import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const tests = (suffix: string) => [`{app,components,db,scripts,server}/**/*${suffix}.test.{ts,tsx}`];
const slice = tests(".slice");
const engine = tests(".engine");

/** Three levels: `pure` needs nothing, `slice` a Postgres of its own, `engine` a real Ray cluster. */
export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL(".", import.meta.url)) } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "pure",
          include: tests(""),
          exclude: [...slice, ...engine],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: "slice",
          include: slice,
          globalSetup: "server/platform/testing/postgres.ts",
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "engine",
          include: engine,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
