/** The sample project, ready: what every group measures on. */
import { type Api, type makeFirstTeamByApi, until } from "../e2e/fixtures/api";
import type { Product } from "../e2e/fixtures/product";

type Person = Awaited<ReturnType<typeof makeFirstTeamByApi>>;

export interface Sample {
  model: string;
  versionId: string;
  datasetId: string;
}
export interface Bench extends Person {
  product: Product;
  sample: Sample;
}

/** Waits until the sample's version and dataset have passed their inspection and all that follows of it. */
export async function sampleProject({ api, team }: { api: Api; team: string }): Promise<Sample> {
  const model = await until(
    "the sample model",
    async () => (await api.models.list.query({ team, limit: 1 })).models[0],
  );
  const version = await until("its version is ready", async () => {
    const { versions } = await api.models.page.query({ team, model: model.name });
    return versions.find((v) => v.state === "ready");
  });
  const dataset = await until("the sample dataset is ready", async () => {
    const { datasets } = await api.datasets.list.query({ team });
    return datasets.find((d) => d.state === "ready");
  });
  // The version is measured on the dataset by itself: that takes a core, so nothing is timed beside it.
  await until("nothing runs any more", async () => {
    const { runs } = await api.runs.list.query({ team, states: ["queued", "running"], limit: 1 });
    const { evaluations } = await api.models.version.query({ team, model: model.name, number: 1 });
    return runs.length === 0 && evaluations.length > 0;
  });
  return { model: model.name, versionId: version.id, datasetId: dataset.id };
}

let revision = Math.floor(Date.now() / 1000);
/** A revision above all that any session of this bench has seen. */
export const nextRevision = (): number => {
  revision += 1;
  return revision;
};

/** Opens a studio session on the sample and waits until it is ready; answers its id. */
export async function openSession({ api, team, sample }: Bench): Promise<string> {
  const { versionId, datasetId } = sample;
  const { sessionId } = await api.studio.open.mutate({ team, versionId, datasetId });
  await until(
    "the session is ready",
    async () => (await api.studio.session.query({ team, sessionId })).state === "ready",
    120_000,
    20,
  );
  return sessionId;
}
