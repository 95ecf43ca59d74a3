/** Trying what serves with a sample of a dataset. */
import { z } from "zod";
import { datasetRef } from "../datasets/service";
import { transformed } from "../datasets/transform-contract";
import { laneName } from "../gateway/contract";
import type { TeamContext } from "../platform/context";
import { Invalid, NotFound, Unavailable } from "../platform/errors";
import { askGateway, refusalOf } from "./ask";
import type { TryIt } from "./contract";
import { servingOf } from "./lane";
import { loadLane } from "./repo";
import { servedSignature } from "./signature";
import { sizeOf, smallestShape } from "./v2-contract";

/** Longer than a gateway holds a request for a model that sleeps. */
const ANSWER_MS = 40_000;
const InferAnswer = z.object({ outputs: z.array(z.object({ data: z.array(z.number()) })).min(1) });

/** Softmax of logits; values that are probabilities already stay what they are. */
function probabilities(scores: readonly number[]): number[] {
  const sum = scores.reduce((a, b) => a + b, 0);
  if (scores.every((s) => s >= 0) && Math.abs(sum - 1) < 1e-3) return [...scores];
  const top = Math.max(...scores);
  const powers = scores.map((s) => Math.exp(s - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / total);
}

/** Sends one sample through the gateway and answers its label, with who answered and how long it took. */
export async function tryModel(ctx: TeamContext, input: z.infer<typeof TryIt>) {
  const lane = await loadLane(ctx.db, ctx.teamId, input);
  const serving = servingOf(lane);
  if (!serving) throw new NotFound(`${lane.modelName} has nothing in ${lane.environment}.`);
  const [tensor] = (await servedSignature(ctx, serving.version.id))?.inputs ?? [];
  if (!tensor) throw new Invalid(`${lane.modelName} has no input that can be sent.`);
  const { transform, labels } = await datasetRef(ctx.db, ctx.teamId, input.datasetId);
  const shape = [1, ...smallestShape(tensor).slice(1)];
  if (sizeOf(shape) !== input.values.length) {
    throw new Invalid(
      `${lane.modelName} takes ${sizeOf(shape)} values, the sample has ${input.values.length}.`,
    );
  }
  const data = transformed(input.values, shape.slice(1), transform);
  const { name, datatype } = tensor;
  const asked = laneName(lane.modelName, lane.environment);
  const answer = await askGateway(ctx.teamId, asked, [{ name, datatype, shape, data }], ANSWER_MS);
  if (answer.status !== 200) throw new Unavailable(refusalOf(answer));
  const scores = probabilities(InferAnswer.parse(answer.body).outputs[0]?.data ?? []);
  const label = scores.indexOf(Math.max(...scores));
  return {
    label,
    name: labels[label] ?? String(label),
    probability: scores[label] ?? 0,
    version: Number(answer.headers.get("x-lathe-version")),
    digest: answer.headers.get("x-lathe-digest") ?? "",
    ms: answer.ms,
  };
}
