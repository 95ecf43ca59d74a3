/** The API of a lane: the document of what serves, and what its form is filled with. */
import { and, eq } from "drizzle-orm";
import { model } from "../../db/schema/models";
import { config } from "../platform/config";
import type { TeamContext } from "../platform/context";
import { NotFound } from "../platform/errors";
import type { LaneName } from "./contract";
import { servingOf } from "./lane";
import { openApiOf } from "./openapi";
import { loadLane } from "./repo";
import { lastMeasuredOn, picturesOf, rowsOf, servedSignature } from "./signature";

/** @throws NotFound for a model that this team does not have */
async function served(ctx: TeamContext, { model: name, environment }: LaneName) {
  const [found] = await ctx.db
    .select({ id: model.id, name: model.name })
    .from(model)
    .where(and(eq(model.teamId, ctx.teamId), eq(model.name, name)));
  if (!found) throw new NotFound(`There is no model ${name} in this team.`);
  const serving = servingOf(await loadLane(ctx.db, ctx.teamId, { modelId: found.id, environment }));
  const signature = serving ? await servedSignature(ctx, serving.version.id) : null;
  const gatewayUrl = config().gatewayUrl;
  const document =
    serving && signature
      ? openApiOf({
          model: found.name,
          environment,
          version: serving.version.number,
          digest: serving.version.digest,
          signature,
          gatewayUrl,
        })
      : null;
  return { model: found, serving, signature, gatewayUrl, document };
}

/** What the page shows; `api` is null while nothing serves that V2 can ask. */
export async function apiPage(ctx: TeamContext, input: LaneName) {
  const { model: found, serving, signature, gatewayUrl, document } = await served(ctx, input);
  const measured = serving && (await lastMeasuredOn(ctx, serving.version.id));
  return {
    model: found,
    environment: input.environment,
    gatewayUrl,
    serving: serving ? { version: serving.version.number, digest: serving.version.digest } : null,
    api: document && signature && { document, ...signature },
    samples: measured
      ? {
          dataset: measured.name,
          labels: measured.labels,
          transform: measured.report.transform,
          previews: picturesOf(measured)?.previews ?? [],
          rows: rowsOf(measured),
        }
      : null,
  };
}

/** The document as a file. @throws NotFound while nothing serves */
export async function openApiFile(ctx: TeamContext, input: LaneName): Promise<string> {
  const { model: found, document } = await served(ctx, input);
  if (!document) {
    throw new NotFound(`Nothing of ${found.name} serves ${input.environment} that the protocol can ask.`, {
      remedy:
        input.environment === "staging"
          ? "Release a version to staging from its page."
          : "A version serves once its promotion request is approved.",
    });
  }
  return `${JSON.stringify(document, null, 2)}\n`;
}
