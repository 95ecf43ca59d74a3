/**
 * Measures the product as `npm start` starts it, in a folder and on ports of its own.
 *
 *   npm run bench -- [--only studio,sessions,targets,inspect,train,ingest,runs,rollback,gateway,overview,nodes,start,web,mlflow,cluster,thousand] --out bench/results/FILE.json
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { makeFirstTeamByApi } from "../e2e/fixtures/api";
import { startProduct } from "../e2e/fixtures/product";
import { ENGINEER } from "../e2e/pages/entry";
import { cluster } from "./groups/cluster";
import { gateway } from "./groups/gateway";
import { ingest, mlflow } from "./groups/ingest";
import { inspect } from "./groups/inspect";
import { logs } from "./groups/logs";
import { nodes } from "./groups/nodes";
import { overview } from "./groups/overview";
import { rollback } from "./groups/rollback";
import { runs } from "./groups/runs";
import { sessions } from "./groups/sessions";
import { start } from "./groups/start";
import { studio } from "./groups/studio";
import { targets } from "./groups/targets";
import { thousand } from "./groups/thousand";
import { train } from "./groups/train";
import { web } from "./groups/web";
import { type Bench, sampleProject } from "./project";
import { type Figures, machine, table } from "./result";

const GROUPS = {
  studio,
  sessions,
  targets,
  inspect,
  train,
  ingest,
  runs,
  logs,
  rollback,
  gateway,
  overview,
  nodes,
  web,
  mlflow,
} satisfies Record<string, (bench: Bench) => Promise<Figures>>;
const NAMES = [...Object.keys(GROUPS), "start", "cluster", "thousand"];

const { values } = parseArgs({ options: { only: { type: "string" }, out: { type: "string" } } });
const wanted = values.only?.split(",") ?? NAMES;
const unknown = wanted.filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`bench: there is no group ${unknown.join(", ")}; choose from ${NAMES.join(", ")}.`);
  process.exit(1);
}

const figures: Figures = {};
/** After each group, so that a later one that fails takes nothing with it. */
const keep = (name: string, found: Figures) => {
  Object.assign(figures, found);
  console.log(`\n${name}\n${table(found)}`);
  if (!values.out) return;
  const command = `npm run bench -- ${process.argv.slice(2).join(" ")}`;
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(
    values.out,
    `${JSON.stringify({ machine: machine(), command, results: figures }, null, 2)}\n`,
  );
};

if (wanted.includes("start")) keep("start", await start());
if (wanted.includes("cluster")) keep("cluster", await cluster());
if (wanted.includes("thousand")) keep("thousand", await thousand());
const groups = Object.entries(GROUPS).filter(([name]) => wanted.includes(name));
if (groups.length > 0) {
  const product = await startProduct({ LATHE_POOL_IDLE_SECONDS: "20" });
  try {
    const person = await makeFirstTeamByApi(product.url, product.link, ENGINEER, "bench");
    const bench: Bench = { product, ...person, sample: await sampleProject(person) };
    for (const [name, run] of groups) keep(name, await run(bench));
  } catch (error) {
    // Told before the product stops: what still waits for it then fails as well, and would be told in its place.
    console.error(error);
    process.exitCode = 1;
    process.on("unhandledRejection", () => undefined);
  } finally {
    await product.stop();
  }
}

console.log(`\n${table(figures)}`);
process.exit();
