/**
 * The sample project: what `examples/sample.json` names, brought in through the services that a person's upload goes
 * through. Where its data is not on this machine there is none, and the empty pages say so.
 */
import { access, copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DatasetFile, DatasetFileRole } from "../datasets/contract";
import { createSampleDataset, findSample } from "../datasets/service";
import { adoptFile } from "../platform/blobs";
import { config } from "../platform/config";
import { type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
import { Unavailable } from "../platform/errors";
import { newId } from "../platform/ids";
import { uploadFolder } from "../platform/uploads/service";
import type { Finisher } from "../runs/service";
import { Provenance } from "./contract";
import { contextOfRun } from "./from-run";
import * as repo from "./repo";
import { createSampleVersion, startEvaluation } from "./service";

const Manifest = z.object({
  dataset: z.object({
    name: z.string(),
    folder: z.string(),
    files: z.array(z.object({ role: DatasetFileRole, name: z.string() })),
    labels: z.array(z.string()),
  }),
  model: z.object({ name: z.string(), task: z.string(), file: z.string(), provenance: z.string() }),
});

const exampleFile = (name: string): string => join(process.cwd(), "examples", name);
const json = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));

async function readManifest() {
  const { dataset, model } = Manifest.parse(await json(exampleFile("sample.json")));
  const folder = join(config().home, "data", dataset.folder);
  return { dataset, model, pathOf: (name: string) => join(folder, name) };
}

/** Whether all files of the sample project are on this machine. */
export async function sampleIsHere(): Promise<boolean> {
  const { dataset, model, pathOf } = await readManifest();
  const paths = [...dataset.files.map((file) => pathOf(file.name)), exampleFile(model.file)];
  return Promise.all(paths.map((path) => access(path))).then(
    () => true,
    () => false,
  );
}

/** Stores a copy of a file that must stay where it is. */
async function store(path: string): Promise<{ sha256: string; bytes: number }> {
  await mkdir(uploadFolder(), { recursive: true, mode: 0o700 });
  const copy = join(uploadFolder(), newId("tmp"));
  await copyFile(path, copy);
  return adoptFile(copy);
}

/** Adds the sample project to a new team, in the transaction that makes the team; nothing where its files are not. */
export async function seedSample(tx: Transaction, ctx: TeamContext): Promise<void> {
  if (!(await sampleIsHere())) return;
  const { dataset, model, pathOf } = await readManifest();
  const files: DatasetFile[] = [];
  for (const { role, name } of dataset.files) {
    files.push(DatasetFile.parse({ role, format: "idx", name, ...(await store(pathOf(name))) }));
  }
  await createSampleDataset(tx, ctx, {
    name: dataset.name,
    files,
    split: { kind: "files", seed: 0, testFraction: 0.2 },
    transform: null,
    labels: dataset.labels,
  });
  const provenance = await json(exampleFile(model.provenance)).catch(() => ({}));
  await createSampleVersion(tx, ctx, {
    name: model.name,
    task: model.task,
    filename: model.file.split("/").at(-1) ?? model.file,
    provenance: Provenance.parse(provenance),
    ...(await store(exampleFile(model.file))),
  });
}

/** The same for a team that has none yet, on a person's wish. @throws Unavailable, Conflict */
export async function addSample(ctx: TeamContext): Promise<void> {
  if (!(await sampleIsHere())) {
    throw new Unavailable("The sample project's data is not on this server.", {
      remedy: "Start the console again where the Debian mirror can be reached, or upload your own model.",
    });
  }
  await transact(ctx, (tx) => seedSample(tx, ctx));
}

/** Measures the sample version once both it and the sample dataset are ready, whichever came last. */
export const evaluateSample: Finisher = async (tx, run, outcome) => {
  if (outcome.state !== "succeeded") return;
  const datasetId = await findSample(tx, run.teamId);
  const version = await repo.findUnmeasuredSample(tx, run.teamId);
  if (!datasetId || !version) return;
  await startEvaluation(tx, contextOfRun(run), {
    versionId: version.versionId,
    datasetId,
    baselineVersionId: null,
  });
};
