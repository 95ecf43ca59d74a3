/** The boundaries that docs/ARCHITECTURE.md describes. `npm run boundaries` checks them and a broken fixture. */
const SLICES =
  "overview|models|datasets|studio|training|runs|releases|hooks|cluster|cost|alerts|audit|identity";
const TESTS = "\\.test\\.tsx?$|/testing/";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "A cycle hides which side depends on which.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "slice-internals",
      comment: "Another slice is used through its service or its contract, never its repo or router.",
      severity: "error",
      from: { path: `(^|/)server/(${SLICES})/`, pathNot: TESTS },
      to: { path: `(^|/)server/(${SLICES})/.*(repo|router)[^/]*\\.ts$`, pathNot: "(^|/)server/$2/" },
    },
    {
      name: "platform-knows-no-slice",
      comment: "The platform carries slices; it must not know them.",
      severity: "error",
      from: { path: "(^|/)server/platform/", pathNot: TESTS },
      to: { path: `(^|/)server/(${SLICES})/` },
    },
    {
      name: "engine-knows-no-slice",
      comment: "Slices implement the engine's ports; processes wire them.",
      severity: "error",
      from: { path: "(^|/)server/engine/", pathNot: TESTS },
      to: { path: `(^|/)server/(${SLICES})/`, pathNot: "/contract\\.ts$" },
    },
    {
      name: "gateway-stands-alone",
      comment: "The data plane serves without the rest of the product.",
      severity: "error",
      from: { path: "(^|/)server/gateway/", pathNot: TESTS },
      to: {
        path: "(^|/)(app|components|server)/",
        pathNot: "(^|/)server/(gateway|platform)/|/contract\\.ts$",
      },
    },
    {
      name: "components-see-contracts-only",
      comment: "Nothing of the server but its shapes may reach the browser.",
      severity: "error",
      from: { path: "(^|/)components/", pathNot: TESTS },
      to: {
        path: "(^|/)(app|db|server)/",
        pathNot: "(^|/)server/.*contract\\.ts$|(^|/)server/platform/atoms\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "components-slice-to-slice",
      comment: "Screens of two slices meet in app/, not in each other.",
      severity: "error",
      from: { path: `(^|/)components/(${SLICES})/`, pathNot: TESTS },
      to: { path: `(^|/)components/(${SLICES})/`, pathNot: "(^|/)components/$2/" },
    },
    {
      name: "schema-knows-schema",
      comment: "The tables are the ground that everything else stands on.",
      severity: "error",
      from: { path: "(^|/)db/schema/" },
      to: { path: "(^|/)(app|components|server|db)/", pathNot: "(^|/)db/schema/" },
    },
    {
      name: "nothing-imports-app",
      comment: "Routes compose; nobody composes routes. Tests ask them as a worker or an agent would.",
      severity: "error",
      from: { path: "(^|/)(components|server|db)/", pathNot: "(\\.test|/testing)\\.ts$" },
      to: { path: "(^|/)app/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "node_modules|\\.next|\\.build" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: [".ts", ".tsx", ".mjs", ".js", ".json"] },
  },
};
