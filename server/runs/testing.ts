/** A team, runs of it, and the worker door's real route handlers without a server between: for slice tests. */
import { GET as getBlob, PUT as putBlob } from "@/app/api/worker/blobs/[sha256]/route";
import { POST as checkpoints } from "@/app/api/worker/checkpoints/route";
import { POST as error } from "@/app/api/worker/error/route";
import { POST as logs } from "@/app/api/worker/logs/route";
import { POST as metrics } from "@/app/api/worker/metrics/route";
import { POST as nextAttempt } from "@/app/api/worker/next-attempt/route";
import { POST as progress } from "@/app/api/worker/progress/route";
import { POST as result } from "@/app/api/worker/result/route";
import { POST as room } from "@/app/api/worker/room/route";
import { GET as spec } from "@/app/api/worker/spec/route";
import { POST as state } from "@/app/api/worker/state/route";
import { team } from "../../db/schema/identity";
import type { TeamContext } from "../platform/context";
import type { Database } from "../platform/db";
import { newId } from "../platform/ids";
import { deriveToken } from "../platform/tokens";
import { newestAttempt } from "./repo";
import { createRun, type NewRun } from "./service";

export async function makeTeam(db: Database): Promise<TeamContext> {
  const teamId = newId("team");
  const slug = teamId.replace("_", "-");
  await db.insert(team).values({ id: teamId, slug, name: slug });
  return {
    db,
    teamId,
    teamSlug: slug,
    actor: { kind: "system", id: "test" },
    requestId: newId("req"),
  };
}

export const INSPECTION_RESULT = {
  kind: "inspect_model",
  inspection: null,
  refusal: { rule: "opset", message: "too old", remedy: "export again" },
} as const;

export const INSPECTION: NewRun = {
  kind: "inspect_model",
  title: "Inspect model.onnx",
  spec: {
    kind: "inspect_model",
    blob: "a".repeat(64),
    filename: "model.onnx",
    limits: { bytes: 1, memoryBytes: 1, seconds: 1 },
  },
  resources: { workers: 1, cpus: 1, gpus: 0 },
};

export const TRAINING: NewRun = {
  kind: "train",
  title: "Fine-tune garment-cls v3",
  spec: {
    kind: "train",
    init: { from: "architecture", name: "resnet-small", inputShape: [1, 28, 28], classes: 10 },
    teacher: null,
    keepMasks: false,
    precision: "fp32",
    recipe: null,
    baseline: null,
    dataset: {
      datasetId: newId("ds"),
      name: "garments",
      files: [{ name: "train.npz", sha256: "d".repeat(64), bytes: 1, role: "data", format: "npz" }],
      split: { kind: "files" },
      transform: {},
    },
    hyper: { seed: 7 },
  },
  resources: { workers: 2, cpus: 1, gpus: 0 },
};

/** An inspection that is queued; with the token of its first attempt. */
export async function queue(ctx: TeamContext, maxAttempts = 3) {
  const run = await ctx.db.transaction((tx) => createRun(tx, ctx, { ...INSPECTION, maxAttempts }));
  const attempt = await newestAttempt(ctx.db, run.id);
  if (!attempt) throw new Error("the run has no attempt");
  return { ...run, attempt, token: deriveToken("attempt", attempt.id) };
}

const POSTS = {
  checkpoints,
  error,
  logs,
  metrics,
  "next-attempt": nextAttempt,
  progress,
  result,
  room,
  state,
};
type Report = keyof typeof POSTS;
export const REPORTS = Object.keys(POSTS) as Report[];

const headers = (token: string) => ({
  authorization: `Bearer ${token}`,
  "content-type": "application/json",
});

/** Calls a handler of the door as a worker would. */
export const post = (token: string, report: Report, body: unknown): Promise<Response> =>
  POSTS[report](
    new Request(`http://door/api/worker/${report}`, {
      method: "POST",
      headers: headers(token),
      body: JSON.stringify(body),
    }),
    { params: Promise.resolve({}) },
  );
export const fetchSpec = (token: string): Promise<Response> =>
  spec(new Request("http://door/api/worker/spec", { headers: headers(token) }), {
    params: Promise.resolve({}),
  });
export const fetchBlob = (token: string, sha256: string): Promise<Response> =>
  getBlob(new Request(`http://door/api/worker/blobs/${sha256}`, { headers: headers(token) }), {
    params: Promise.resolve({ sha256 }),
  });
export const storeBlob = (token: string, sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<Response> =>
  putBlob(
    new Request(`http://door/api/worker/blobs/${sha256}`, {
      method: "PUT",
      headers: headers(token),
      body: bytes,
    }),
    { params: Promise.resolve({ sha256 }) },
  );
