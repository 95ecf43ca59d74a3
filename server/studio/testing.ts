/** Blobs and finished commits for the studio's slice tests. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evaluationResult, inspection } from "../models/testing/examples";
import { adoptFile, registerBlob } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { toRun } from "../runs/records";
import { finishCommit } from "./reconcile";

/** A blob of the team with bytes that no other has. */
export async function storedBlob(ctx: TeamContext) {
  const path = join(tmpdir(), newId("tmp"));
  await writeFile(path, randomBytes(64));
  const found = await adoptFile(path);
  await registerBlob(ctx.db, ctx.teamId, found);
  return found;
}

/** Ends a commit's run as a worker does that made 40% zeros; answers the blob of the version that it made. */
export async function succeedCommit(ctx: TeamContext, started: Parameters<typeof toRun>[0]) {
  const artifact = await storedBlob(ctx);
  await ctx.db.transaction((tx) =>
    finishCommit(tx, toRun(started), {
      state: "succeeded",
      result: {
        kind: "compress",
        artifacts: {
          model: artifact,
          float: artifact,
          inspection,
          sizes: inspection.sizes,
          evaluation: evaluationResult,
        },
        achieved: { channels: 0, sparsity: 0.4 },
        layers: [],
        recipeDigest: "ef".repeat(32),
      },
    }),
  );
  return artifact;
}
