/** Trying what serves from the console: the same gateway, the same protocol, a short-lived token. */
import { z } from "zod";
import { datasetRef } from "../datasets/service";
import { transformed } from "../datasets/transform";
import { mintConsoleToken } from "../gateway/console-token";
import { Inspection } from "../models/contract";
import { versionForWork } from "../models/service";
import { config, secret } from "../platform/config";
import type { TeamContext } from "../platform/context";
import { Invalid, NotFound, Unavailable } from "../platform/errors";
import type { TryIt } from "./contract";
import { servingOf } from "./lane";
import { loadLane } from "./repo";

const ANSWER_MS = 10_000;
const InferAnswer = z.object({ outputs: z.array(z.object({ data: z.array(z.number()) })).min(1) });
const InferError = z.object({ error: z.string() });

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
  const lane = await loadLane(ctx.db, ctx.teamId, input.modelId);
  const serving = servingOf(lane);
  if (!serving) throw new NotFound(`${lane.modelName} has nothing in production.`);
  const work = await versionForWork(ctx.db, ctx.teamId, serving.version.id);
  const [tensor] = Inspection.parse(work.version.inspection).inputs;
  if (!tensor) throw new Invalid(`${lane.modelName} has no input.`);
  const { transform, labels } = await datasetRef(ctx.db, ctx.teamId, input.datasetId);
  const shape = tensor.shape.map((n, axis) => (axis === 0 ? 1 : (n ?? 1)));
  const size = shape.reduce((a, b) => a * b, 1);
  if (size !== input.values.length) {
    throw new Invalid(`${lane.modelName} takes ${size} values, the sample has ${input.values.length}.`);
  }
  const data = transformed(input.values, shape.slice(1), transform);
  const began = performance.now();
  const answer = await fetch(`${config().gatewayUrl}/v2/models/${lane.modelName}/infer`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${mintConsoleToken(ctx.teamId, secret("server.key"), Date.now())}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ inputs: [{ name: tensor.name, datatype: "FP32", shape, data }] }),
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch((cause: unknown) => {
    throw new Unavailable("The gateway does not answer.", {
      cause,
      remedy: "Look whether its process runs.",
    });
  });
  const ms = performance.now() - began;
  const body: unknown = await answer.json();
  if (!answer.ok) {
    const said = InferError.safeParse(body);
    throw new Unavailable(said.success ? said.data.error : `The gateway answered ${answer.status}.`);
  }
  const scores = probabilities(InferAnswer.parse(body).outputs[0]?.data ?? []);
  const label = scores.indexOf(Math.max(...scores));
  return {
    label,
    name: labels[label] ?? String(label),
    probability: scores[label] ?? 0,
    version: Number(answer.headers.get("x-lathe-version")),
    digest: answer.headers.get("x-lathe-digest") ?? "",
    ms,
  };
}
