/** The sample model without replicas, as nobody asks it: what a start from nothing is measured on. */
import { until } from "../e2e/fixtures/api";
import type { Bench } from "./project";

/** The shortest idle time that can be chosen. */
const IDLE_MINUTES = 1;
const PATIENCE_MS = 180_000;

/** Lets the model sleep, and resolves once none of its versions has a replica. */
export async function fallAsleep({ api, team, sample }: Bench, modelId: string): Promise<void> {
  await api.releases.setScaling.mutate({
    team,
    modelId,
    min: 0,
    max: 1,
    target: 8,
    idleMinutes: IDLE_MINUTES,
  });
  const isAsleep = async () => {
    const { crews, replicas } = await api.releases.model.query({ team, model: sample.model });
    return crews.every((crew) => crew.isAsleep) && replicas.every((r) => r.undesiredAt !== null);
  };
  await until("the model is asleep", isAsleep, PATIENCE_MS, 500);
}

/** Keeps a replica from now on, and one of each version that is kept warm; resolves once they are ready. */
export async function stayAwake({ api, team, sample }: Bench, modelId: string): Promise<void> {
  await api.releases.setScaling.mutate({ team, modelId, min: 1, max: 1, target: 8 });
  const isAwake = async () => {
    const { crews } = await api.releases.model.query({ team, model: sample.model });
    return crews.every((crew) => crew.ready >= 1 && crew.wanted >= 1);
  };
  await until("the model is awake", isAwake, PATIENCE_MS, 500);
}
