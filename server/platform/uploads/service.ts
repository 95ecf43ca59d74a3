/**
 * The tus server. Who may send what is asked at creation and again at every part: an upload belongs to a person, and
 * a person may lose a role while they send. A finished file is hashed again from disk, stored by its digest, and only
 * then does a row say so.
 */
import { mkdirSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";
import { adoptFile, registerBlob } from "../blobs";
import { config } from "../config";
import { type Actor, transact } from "../context";
import { type Database, database, type Transaction } from "../db";
import { type AppError, asAppError, Invalid, Limit, NotFound, Unauthenticated, Unavailable } from "../errors";
import { errorResponse } from "../http/route";
import { newId } from "../ids";
import { type Person, type RequestContext, teamContext } from "../ladder";
import { log } from "../log";
import { singleton } from "../singleton";
import { UPLOADS_PATH, UploadMetadata, type UploadPurpose } from "./contract";
import { touchUpload, uploadFolder } from "./folder";
import * as repo from "./repo";

export { removeAbandoned } from "./abandoned";
export { uploadFolder } from "./folder";

/** Who is behind a request. The identity slice knows; this folder imports no slice. */
export type Identify = (headers: Headers) => Promise<RequestContext>;

const PERMISSION = { model: "model.upload", dataset: "dataset.upload", script: "run.launch" } as const;
/** Code with what little belongs to it; data travels as a dataset. */
const SCRIPT_MAX_BYTES = 256e6;

const limitOf = (purpose: UploadPurpose): number =>
  ({ model: config().modelMaxBytes, dataset: config().datasetMaxBytes, script: SCRIPT_MAX_BYTES })[purpose];

const authorise = async (identify: Identify, headers: Headers, team: string, purpose: UploadPurpose) =>
  teamContext(await identify(headers), team, PERMISSION[purpose]);

const REMEDY = {
  model: "Send a smaller file, or raise LATHE_MODEL_MAX_MB.",
  dataset: "Send a smaller file, or raise LATHE_DATASET_MAX_MB.",
  script: "Upload data as a dataset; the script finds its files in $LATHE_DATA.",
};

/** @throws Invalid when nothing, or more than the limit, is announced */
export function checkSize(bytes: number, purpose: UploadPurpose, filename: string): void {
  const limit = limitOf(purpose);
  if (bytes === 0)
    throw new Invalid(`${filename} is empty.`, { code: "empty_file", remedy: "Export it again." });
  if (bytes > limit) {
    throw new Invalid(
      `${filename} has ${(bytes / 1e6).toFixed(1)} MB; a ${purpose} may have ${(limit / 1e6).toFixed(0)} MB.`,
      {
        code: "too_large",
        remedy: REMEDY[purpose],
      },
    );
  }
}

/** What the database and the logs need to go on when uploads have filled the disk. */
const RESERVE_BYTES = 200e6;

const bytesFree = async (): Promise<number> => {
  const { bavail, bsize } = await statfs(uploadFolder());
  return Math.max(0, bavail * bsize - RESERVE_BYTES);
};

/** @throws Limit when the disk has no room for the whole upload, so that nobody waits for a part that can't be kept */
export async function checkRoom(bytes: number, filename: string): Promise<void> {
  const free = await bytesFree();
  if (bytes <= free) return;
  throw new Limit(
    `${filename} has ${(bytes / 1e6).toFixed(1)} MB; the server's disk has room for ${(free / 1e6).toFixed(1)} MB.`,
    { code: "disk_full", remedy: "Ask whoever operates it to free some space under its data folder." },
  );
}

function make(identify: Identify, db: Database): Server {
  const folder = uploadFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const store = new FileStore({ directory: folder });
  /** Creations pass here too, before their row exists; `onUploadCreate` checks those. */
  const created = new WeakSet<Request>();

  return new Server({
    path: UPLOADS_PATH,
    datastore: store,
    relativeLocation: true,
    allowedOrigins: [config().url],
    disableTerminationForFinishedUploads: true,
    namingFunction: (request) => {
      created.add(request);
      return newId("upl");
    },
    async onIncomingRequest(request, id) {
      if (created.has(request)) return;
      const { person } = await identify(request.headers);
      if (!person) throw refusal(new Unauthenticated("You are not signed in."));
      if (!(await goOn(db, id, person.id))) throw refusal(gone());
    },
    async onUploadCreate(request, upload) {
      try {
        const parsed = UploadMetadata.safeParse(upload.metadata);
        if (!parsed.success) throw new Invalid("An upload names its team, purpose and filename.");
        const { team, purpose, filename } = parsed.data;
        const { actor, teamId } = await authorise(identify, request.headers, team, purpose);
        if (upload.size === undefined) throw new Invalid("An upload says how many bytes it has.");
        checkSize(upload.size, purpose, filename);
        await checkRoom(upload.size, filename);
        await repo.insertUpload(db, {
          id: upload.id,
          teamId,
          purpose,
          filename,
          bytes: upload.size,
          createdBy: actor.id,
        });
        return {};
      } catch (thrown) {
        throw refusal(thrown);
      }
    },
    async onUploadFinish(request, upload) {
      try {
        const { team, purpose } = UploadMetadata.parse(upload.metadata);
        const { teamId } = await authorise(identify, request.headers, team, purpose);
        await keep(db, teamId, upload.id);
        await store.configstore.delete(upload.id);
        return {};
      } catch (thrown) {
        throw refusal(thrown);
      }
    },
    async onResponseError(request, error) {
      if (error instanceof Error) log().error({ err: error, url: request.url }, "an upload failed");
      // The store says only that a part could not be written. What was written before stays, to be resumed.
      if ("status_code" in error && error.status_code === 500 && (await bytesFree()) === 0) {
        const remedy = "Free some space under its data folder; the upload goes on where it was.";
        return refusal(new Unavailable("The server's disk is full.", { code: "disk_full", remedy }));
      }
      return undefined;
    },
  });
}

const gone = () => new NotFound("There is no such upload of yours.", { remedy: "Send the file again." });

/** Somebody goes on with an upload, so it is not abandoned; false when it was removed before. */
const goOn = (db: Database, id: string, personId: string): Promise<boolean> =>
  db.transaction(async (tx) => {
    const isThere = await repo.holdUpload(tx, id, personId);
    if (isThere) await touchUpload(id);
    return isThere;
  });

/** Bytes first, then the row: a crash in between leaves bytes without a row, never a row without bytes. */
async function keep(db: Database, teamId: string, uploadId: string): Promise<void> {
  const found = await adoptFile(join(uploadFolder(), uploadId));
  await transact({ db }, async (tx) => {
    await registerBlob(tx, teamId, found);
    await repo.finishUpload(tx, uploadId, found.sha256);
  });
}

/** How the tus server wants a refusal thrown. */
function refusal(thrown: unknown): { status_code: number; body: string } {
  const error: AppError = asAppError(thrown);
  if (error.kind === "internal") log().error({ err: thrown }, "an upload failed");
  const message = error.details.remedy ? `${error.message} ${error.details.remedy}` : error.message;
  return { status_code: error.status, body: JSON.stringify({ error: { code: error.code, message } }) };
}

/** Answers one tus request; `identify` says who asks. */
export async function handleUpload(request: Request, identify: Identify): Promise<Response> {
  const db = database();
  const server = singleton("tus", () => make(identify, db));
  const id = new URL(request.url).pathname.split("/").at(-1) ?? "";
  const { person } = await identify(request.headers);
  if (!person) {
    const signedOut = new Unauthenticated("You are not signed in.", {
      remedy: "Sign in; the upload goes on where it was.",
    });
    return errorResponse(signedOut, newId("req"));
  }
  if (request.method === "HEAD") {
    const finished = await answerFinished(db, id, person);
    if (finished) return finished;
  }
  const response = await server.handleWeb(request);
  if (request.method === "DELETE" && response.status === 204) await repo.deleteUnfinished(db, id);
  // Removed while a part of it stalled: whatever became of that part, nothing of the upload was kept.
  if (request.method === "PATCH" && response.status !== 404 && !(await repo.findUpload(db, id, person.id)))
    return errorResponse(gone(), newId("req"));
  return response;
}

/** The answer to the last part may get lost; the file has moved by then, so its row answers for it. */
async function answerFinished(db: Database, id: string, person: Person | null): Promise<Response | null> {
  const known = person ? await repo.findUpload(db, id, person.id) : undefined;
  if (!known?.finishedAt) return null;
  const bytes = String(known.bytes);
  return new Response(null, {
    headers: {
      "Tus-Resumable": "1.0.0",
      "Upload-Offset": bytes,
      "Upload-Length": bytes,
      "Cache-Control": "no-store",
    },
  });
}

export interface FinishedUpload {
  uploadId: string;
  filename: string;
  sha256: string;
  bytes: number;
}

/** A finished upload of the actor, for this team and purpose. @throws NotFound */
export async function takeUpload(
  tx: Transaction,
  ctx: { teamId: string; actor: Actor },
  uploadId: string,
  purpose: UploadPurpose,
): Promise<FinishedUpload> {
  const row = await repo.findFinished(tx, ctx.teamId, ctx.actor.id, uploadId);
  if (!row?.sha256 || row.purpose !== purpose) {
    throw new NotFound("This upload is not finished, or it is not yours.", {
      remedy: "Send the file again.",
    });
  }
  return { uploadId, filename: row.filename, sha256: row.sha256, bytes: row.bytes };
}
