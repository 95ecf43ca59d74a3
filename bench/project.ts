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

const MODEL = "fashion-resnet";

/** Waits until the sample's first version is ready and measured; other models and datasets may stand beside it. */
export async function sampleProject({ api, team }: { api: Api; team: string }): Promise<Sample> {
  await until("the sample model", async () => {
    const { models } = await api.models.list.query({ team });
    return models.some(({ name }) => name === MODEL);
  });
  // The version is measured on its dataset by itself: that takes a core, so nothing is timed beside it.
  return until("its first version to be measured and nothing to run any more", async () => {
    const { runs } = await api.runs.list.query({ team, states: ["queued", "running"], limit: 1 });
    const { version, evaluations } = await api.models.version.query({ team, model: MODEL, number: 1 });
    const datasetId = evaluations.at(-1)?.datasetId;
    return runs.length === 0 && datasetId ? { model: MODEL, versionId: version.id, datasetId } : null;
  });
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
