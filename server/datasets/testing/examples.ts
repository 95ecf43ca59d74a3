/** Datasets as a check leaves them, for slice tests. */
import { dataset } from "../../../db/schema/datasets";
import type { TeamContext } from "../../platform/context";
import { newId } from "../../platform/ids";
import { DatasetReport } from "../contract";

export const report = (shape: number[] = [1, 28, 28]): DatasetReport =>
  DatasetReport.parse({
    n: 70,
    train: 60,
    test: 10,
    shape,
    dtype: "uint8",
    classes: [
      { label: 0, train: 30, test: 5 },
      { label: 1, train: 30, test: 5 },
    ],
    transform: { scale: 1 / 255, mean: 0, std: 1 },
    problems: [],
    previews: [],
  });

/** A dataset that is ready, around one stored file. */
export async function insertReadyDataset(
  ctx: TeamContext,
  shape: number[],
  file: { sha256: string; bytes: number },
  found: Partial<DatasetReport> = {},
): Promise<string> {
  const id = newId("ds");
  await ctx.db.insert(dataset).values({
    id,
    teamId: ctx.teamId,
    name: id.replace("_", "-"),
    digest: file.sha256,
    state: "ready",
    origin: "upload",
    files: [{ role: "data", format: "npz", name: "parcels.npz", ...file }],
    split: { kind: "seeded", seed: 0, testFraction: 0.2 },
    transform: { scale: 1 / 255, mean: 0, std: 1 },
    report: { ...report(shape), ...found },
  });
  return id;
}
