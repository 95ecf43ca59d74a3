/** The endpoints of MLflow's REST API that an attempt's client needs, by method and path. */
import { z } from "zod";
import { Forbidden } from "../../platform/errors";
import { admitted } from "../door/http";
import * as artifacts from "./artifacts";
import * as attempt from "./attempt";
import * as shapes from "./contract";
import { asked, type Caller, decoded, noEndpoint, parsed } from "./http";
import * as models from "./models";

/** What JSON says; nothing is an empty object. */
type Answer = Promise<unknown>;
interface Endpoint {
  answer(caller: Caller, given: unknown, segments: string[]): Answer;
  /** Bodies of metrics: as many at once as the worker door takes. */
  isIngest: boolean;
}

const endpoint = <T extends z.ZodType>(
  shape: T,
  answer: (caller: Caller, input: z.output<T>, segments: string[]) => Answer,
  isIngest = false,
): Endpoint => ({
  answer: (caller, given, segments) => answer(caller, parsed(shape, given), segments),
  isIngest,
});

/** An endpoint about one run, which must be the attempt's own. */
const ofRun = <T extends z.ZodType<z.infer<typeof shapes.RunRef>>>(
  shape: T,
  answer: (caller: Caller, input: z.output<T>) => Answer,
  isIngest = false,
): Endpoint =>
  endpoint(
    shape,
    (caller, input) => {
      attempt.requireOwnRun(caller, input);
      return answer(caller, input);
    },
    isIngest,
  );

const refused = (what: string): Endpoint =>
  endpoint(z.unknown(), async () => {
    throw new Forbidden(`An attempt may not ${what}: people do that in the console.`);
  });
const experimentId = (caller: Caller) => ({ experiment_id: caller.owner.runId });

/** `:id` stands for one segment. */
const ENDPOINTS: Record<string, Endpoint> = {
  "POST experiments/create": endpoint(shapes.CreateExperiment, async (caller, { tags }) => {
    await attempt.setTags(caller, tags);
    return experimentId(caller);
  }),
  "GET experiments/get": endpoint(shapes.GetExperiment, async (caller) => ({
    experiment: await attempt.experiment(caller),
  })),
  "GET experiments/get-by-name": endpoint(shapes.GetExperimentByName, async (caller, input) => ({
    experiment: await attempt.experiment(caller, input.experiment_name),
  })),
  "POST experiments/search": endpoint(shapes.AnyExperiment, async (caller) => ({
    experiments: [await attempt.experiment(caller)],
  })),
  "POST experiments/update": endpoint(shapes.GetExperiment, async () => {}),
  "POST experiments/set-experiment-tag": endpoint(shapes.SetExperimentTag, (caller, { key, value }) =>
    attempt.setTags(caller, [{ key, value }]),
  ),
  "POST experiments/delete": refused("delete its experiment"),
  "POST experiments/restore": refused("restore experiments"),

  "POST runs/create": endpoint(shapes.CreateRun, async (caller, input) => ({
    run: await attempt.beginRun(caller, input.run_name, input.tags),
  })),
  "GET runs/get": ofRun(shapes.RunRef, async (caller) => ({ run: await attempt.runWhole(caller) })),
  "POST runs/update": ofRun(shapes.UpdateRun, async (caller, input) => ({
    run_info: await attempt.updateRun(caller, input.run_name),
  })),
  "POST runs/search": endpoint(shapes.SearchRuns, async (caller, input) => ({
    runs: input.run_view_type === "DELETED_ONLY" ? [] : await attempt.searchRuns(caller, input.filter),
  })),
  "POST runs/delete": refused("delete its run"),
  "POST runs/restore": refused("restore runs"),

  "POST runs/log-batch": ofRun(shapes.LogBatch, attempt.logBatch, true),
  "POST runs/log-metric": ofRun(shapes.LogMetric, attempt.logMetric, true),
  "POST runs/log-parameter": ofRun(shapes.LogParam, attempt.logParam),
  "POST runs/set-tag": ofRun(shapes.SetTag, (caller, { key, value }) =>
    attempt.setTags(caller, [{ key, value }]),
  ),
  "POST runs/delete-tag": ofRun(shapes.DeleteTag, (caller, { key }) => attempt.deleteTag(caller, key)),
  "POST runs/log-inputs": ofRun(shapes.LogInputs, attempt.logInputs),
  "POST runs/outputs": ofRun(shapes.LogOutputs, models.logOutputs),
  "POST runs/log-model": ofRun(shapes.LogModel, (caller, input) =>
    attempt.noteModel(caller, input.model_json),
  ),

  "GET metrics/get-history": ofRun(shapes.GetHistory, attempt.history),
  "GET artifacts/list": ofRun(shapes.ListArtifacts, (caller, { path }) =>
    artifacts.listArtifacts(caller, path),
  ),

  "POST logged-models": endpoint(shapes.CreateLoggedModel, models.createModel),
  "POST logged-models/search": endpoint(shapes.SearchModels, models.searchModels),
  "GET logged-models/:id": endpoint(z.unknown(), (caller, _, [id = ""]) => models.getModel(caller, id)),
  "PATCH logged-models/:id": endpoint(shapes.FinalizeLoggedModel, (caller, input, [id = ""]) =>
    models.finalizeModel(caller, id, input),
  ),
  "DELETE logged-models/:id": endpoint(z.unknown(), (caller, _, [id = ""]) => models.deleteModel(caller, id)),
  "POST logged-models/:id/params": endpoint(shapes.LogModelParams, (caller, { params }, [id = ""]) =>
    models.logModelParams(caller, id, params),
  ),
  "PATCH logged-models/:id/tags": endpoint(shapes.SetModelTags, (caller, { tags }, [id = ""]) =>
    models.setModelTags(caller, id, tags),
  ),
  "DELETE logged-models/:id/tags/:id": endpoint(z.unknown(), (caller, _, [id = "", key = ""]) =>
    models.deleteModelTag(caller, id, key),
  ),
  "GET logged-models/:id/artifacts/directories": endpoint(shapes.ModelFolder, (caller, input, [id = ""]) =>
    models.modelFiles(caller, id, input.artifact_directory_path),
  ),
};

/** The endpoint that a path names, and the segments that `:id` stood for. */
function find(method: string, path: string): [Endpoint, string[]] | null {
  const exact = ENDPOINTS[`${method} ${path}`];
  if (exact) return [exact, []];
  const given = path.split("/");
  for (const [name, found] of Object.entries(ENDPOINTS)) {
    const [wanted, pattern = ""] = name.split(" ");
    const parts = pattern.split("/");
    if (wanted !== method || parts.length !== given.length) continue;
    if (parts.every((part, i) => part === ":id" || part === given[i])) {
      return [found, given.filter((_, i) => parts[i] === ":id").map(decoded)];
    }
  }
  return null;
}

/** One call of `/api/2.0/mlflow/<path>`. @throws NotFound `ENDPOINT_NOT_FOUND` */
export async function answerTracking(caller: Caller, request: Request, path: string): Promise<Response> {
  const found = find(request.method, path);
  if (!found) throw noEndpoint(request.method, path);
  const [{ answer, isIngest }, segments] = found;
  const work = async () => answer(caller, await asked(request), segments);
  return Response.json((await (isIngest ? admitted(work) : work())) ?? {});
}

/** One call of `/api/2.0/mlflow-artifacts/<path>`. */
export async function answerArtifacts(caller: Caller, request: Request, path: string): Promise<Response> {
  const { method } = request;
  const [service = "", ...rest] = path.split("/");
  if (service === "mpu") {
    // Clients send the file whole when they read this.
    return Response.json(
      {
        error_code: "NOT_IMPLEMENTED",
        message: "Multipart upload is not supported for the current artifact repository",
      },
      { status: 501 },
    );
  }
  const address = decoded(rest.join("/"));
  if (service !== "artifacts") throw noEndpoint(method, path);
  if (method === "GET" && address === "") {
    const listed = new URL(request.url).searchParams.get("path") ?? "";
    return Response.json(await artifacts.listFolder(caller, artifacts.ownPath(caller, listed)));
  }
  const file = artifacts.ownPath(caller, address);
  switch (method) {
    case "GET":
      return artifacts.sendArtifact(caller.db, caller.owner, file);
    case "PUT":
      await artifacts.storeArtifact(caller, file, request);
      return Response.json({});
    case "DELETE":
      await artifacts.deleteArtifacts(caller, file);
      return Response.json({});
  }
  throw noEndpoint(method, path);
}

/** One call of `/api/3.0/mlflow/<path>`: how this server is set up, and nothing else. */
export async function answerNewer(_caller: Caller, request: Request, path: string): Promise<Response> {
  if (request.method !== "GET" || path !== "server-info") throw noEndpoint(request.method, path);
  return Response.json({
    store_type: "SqlStore",
    workspaces_enabled: false,
    trace_archival_enabled: false,
    multipart_uploads_enabled: false,
    multipart_downloads_enabled: false,
  });
}
