/** A team with a model, a dataset and two people, for tests: what other slices would have made. */
import { randomBytes } from "node:crypto";
import { and, desc, eq } from "drizzle-orm";
import type { z } from "zod";
import { dataset } from "../../db/schema/datasets";
import { membership, team, user } from "../../db/schema/identity";
import { model, version } from "../../db/schema/models";
import { blob } from "../../db/schema/platform";
import { release, replica, routeTable } from "../../db/schema/releases";
import { run } from "../../db/schema/runs";
import { DatasetReport, type DatasetTask } from "../datasets/contract";
import { RouteTable } from "../gateway/contract";
import { evaluationResult, inspection } from "../models/testing/examples";
import type { TeamContext } from "../platform/context";
import type { Database } from "../platform/db";
import { newId } from "../platform/ids";
import type { Role } from "../platform/permissions";
import type { EvaluateResult } from "../runs/contract";
import { toRun } from "../runs/records";
import { reconcileReleases } from "./reconcile";
import { observeReplica } from "./replicas";
import { findRequest } from "./repo";
import type { Strategy } from "./rollout-contract";
import { approve, createRequest, finishMeasurement } from "./service";

const LABELS = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];
const GAINED = [21, 2, 14, 24, 31, 3, 68, 12, 4, 6];
const LOST = [24, 1, 23, 20, 25, 3, 49, 14, 3, 6];

export interface TestTeam {
  ines: TeamContext;
  mei: TeamContext;
  modelId: string;
  modelName: string;
  /** What serves of it, by the name of a page and by the key of a lane. */
  production: { model: string; modelId: string; environment: "production" };
  datasetId: string;
  versions: { id: string; number: number; digest: string }[];
}

/** What an evaluation run reports: `difference` is candidate minus production, null where nothing served. */
export function evidence(
  difference: number | null,
  task: DatasetTask = "classification",
): z.infer<typeof EvaluateResult> {
  return {
    kind: "evaluate",
    baseline: null,
    evaluation: {
      ...evaluationResult,
      task,
      correct: 9168,
      accuracy: 0.9168,
      perClass: LABELS.map((_, label) => ({
        label,
        n: 1000,
        correct: 917,
        gained: GAINED[label] ?? 0,
        lost: LOST[label] ?? 0,
      })),
      paired:
        difference === null
          ? null
          : { n: 10_000, gained: 185, lost: 168, difference, halfWidth: 0.0037, mcnemarP: 0.39 },
      baselineAccuracy: difference === null ? null : 0.9168 - difference,
      latency: [1, 64].map((batch) => ({
        batch,
        p50Ms: batch === 1 ? 0.14 : 7.6,
        baselineP50Ms: difference === null ? null : batch === 1 ? 0.16 : 9.3,
        ratio: difference === null ? null : 0.85,
        ratioLow: difference === null ? null : 0.82,
        ratioHigh: difference === null ? null : 0.89,
        rounds: 60,
      })),
    },
  };
}

async function person(
  db: Database,
  teamId: string,
  slug: string,
  name: string,
  roles: Role[],
): Promise<TeamContext> {
  const id = newId("usr");
  await db.insert(user).values({ id, name, email: `${id}@example.com`, emailVerified: true });
  await db.insert(membership).values({ teamId, userId: id, roles });
  return { db, teamId, teamSlug: slug, actor: { kind: "person", id, name, roles }, requestId: newId("req") };
}

/** Another person of the team. */
export const joined = (t: TestTeam, name: string, roles: Role[]): Promise<TeamContext> =>
  person(t.ines.db, t.ines.teamId, t.ines.teamSlug, name, roles);

export async function makeTeam(
  db: Database,
  options: { slug?: string; versions?: number; previews?: DatasetReport["previews"] } = {},
): Promise<TestTeam> {
  const teamId = newId("team");
  const slug = options.slug ?? teamId.replace("_", "-");
  await db.insert(team).values({ id: teamId, slug, name: slug });
  const ines = await person(db, teamId, slug, "Ines Okafor", ["engineer", "approver"]);
  const mei = await person(db, teamId, slug, "Mei Tanaka", ["approver", "operator"]);
  const modelId = newId("mdl");
  await db.insert(model).values({ id: modelId, teamId, name: "garment-cls" });
  const datasetId = newId("dst");
  const report = DatasetReport.parse({
    n: 70_000,
    train: 60_000,
    test: 10_000,
    shape: [28, 28],
    dtype: "uint8",
    classes: LABELS.map((_, label) => ({ label, train: 6000, test: 1000 })),
    transform: { scale: 1 / 255, mean: 0.286, std: 0.353 },
    problems: [],
    previews: options.previews ?? [],
  });
  await db.insert(dataset).values({
    id: datasetId,
    teamId,
    name: "fashion-mnist",
    digest: randomBytes(32).toString("hex"),
    state: "ready",
    origin: "sample",
    files: [
      {
        role: "data",
        format: "npz",
        sha256: randomBytes(32).toString("hex"),
        bytes: 31_000_000,
        name: "f.npz",
      },
    ],
    split: { kind: "files", seed: 0, testFraction: 0.2 },
    transform: report.transform,
    labels: LABELS,
    report,
  });
  const versions: TestTeam["versions"] = [];
  for (let number = 1; number <= (options.versions ?? 3); number += 1) {
    const digest = randomBytes(32).toString("hex");
    const bytes = Math.round(714_424 * 0.84 ** (number - 1));
    await db.insert(blob).values({ sha256: digest, bytes });
    const id = newId("ver");
    await db.insert(version).values({
      id,
      teamId,
      modelId,
      number,
      digest,
      bytes,
      floatDigest: digest,
      filename: "model.onnx",
      state: "ready",
      origin: number === 1 ? "sample" : "compress",
      tier: 1,
      inspection: { ...inspection, macs: Math.round(inspection.macs * 0.8 ** (number - 1)) },
      sizes: {
        file: bytes,
        zstd19: Math.round(bytes * 0.3),
        sparse: Math.round(bytes * 0.4),
        packed: Math.round(bytes * 0.7),
      },
      createdBy: ines.actor.id,
    });
    versions.push({ id, number, digest });
  }
  const modelName = "garment-cls";
  const production = { model: modelName, modelId, environment: "production" } as const;
  return { ines, mei, modelId, modelName, production, datasetId, versions };
}

/** Requests a version and ends its measurement. */
export async function requested(
  t: TestTeam,
  versionId: string,
  difference: number | null,
  note?: string,
  strategy?: z.input<typeof Strategy>,
) {
  const { number } = await createRequest(t.ines, {
    strategy,
    versionId,
    datasetId: t.datasetId,
    note: note ?? "Smaller and no worse; please look at Shirt.",
  });
  await measured(t, number, difference);
  return number;
}

export async function measured(
  t: TestTeam,
  number: number,
  difference: number | null,
  task?: DatasetTask,
): Promise<void> {
  const request = await findRequest(t.ines.db, t.ines.teamId, number);
  const [row] = await t.ines.db
    .select()
    .from(run)
    .where(eq(run.id, request?.runId ?? ""));
  if (!row) throw new Error("the request has no run");
  await t.ines.db.transaction((tx) =>
    finishMeasurement(tx, toRun(row), { state: "succeeded", result: evidence(difference, task) }),
  );
}

/** What the page would send for this request. */
export async function seen(t: TestTeam, number: number) {
  const request = await findRequest(t.ines.db, t.ines.teamId, number);
  if (!request?.evaluationDigest) throw new Error("the request is not measured");
  const { versionDigest, evaluationDigest, policyDigest } = request;
  return { number, versionDigest, evaluationDigest, policyDigest, sentence: "" };
}

/** Makes every starting replica ready, as the agent would observe it. */
export async function replicasReady(t: TestTeam, addressOf = (id: string) => `http://127.0.0.1:9/${id}`) {
  const rows = await t.ines.db.select().from(replica).where(eq(replica.teamId, t.ines.teamId));
  for (const row of rows.filter((r) => r.state === "starting" && r.undesiredAt === null)) {
    await t.ines.db.transaction((tx) =>
      observeReplica(
        tx,
        {
          ...{ kind: "replica", id: row.id, state: "ready", message: "" },
          ...{ address: addressOf(row.id), nodeId: "node-1", pid: 4242 },
        },
        new Date(),
      ),
    );
  }
}

/** The whole way of a version into production: requested, measured, approved, prepared, published. */
export async function serve(
  t: TestTeam,
  versionId: string,
  difference: number | null,
  strategy?: z.input<typeof Strategy>,
) {
  const number = await requested(t, versionId, difference, undefined, strategy);
  const { releaseId } = await approve(t.mei, await seen(t, number));
  if (!releaseId) throw new Error("the team's policy asks for more than one approval");
  await replicasReady(t);
  await reconcileReleases(t.ines.db);
  return releaseId;
}

export function numbered({ versions }: TestTeam, number: number) {
  const found = versions[number - 1];
  if (!found) throw new Error(`there is no v${number}`);
  return found;
}

/** Versions that serve production by the releases: never more than one. */
export async function servedOf({ ines, modelId }: TestTeam): Promise<string[]> {
  const rows = await ines.db
    .select()
    .from(release)
    .where(and(eq(release.modelId, modelId), eq(release.state, "serving")));
  return rows.map((row) => row.versionId);
}

/** What the table in force sends all of the model's requests to. */
export async function routeOf({ ines, modelId }: TestTeam) {
  const [table] = await ines.db.select().from(routeTable).orderBy(desc(routeTable.revision)).limit(1);
  const found = RouteTable.parse(table?.routes ?? { routes: [] }).routes.find((r) => r.modelId === modelId);
  if (found && found.arms.length !== 1) throw new Error(`${found.arms.length} arms are in force`);
  return found?.arms[0];
}
