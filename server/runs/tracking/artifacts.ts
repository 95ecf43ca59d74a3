/** Files that a run keeps: bytes in the blob store, found by the path that the script chose. */
import { registerBlob, storeStream } from "../../platform/blobs";
import { config } from "../../platform/config";
import type { Db } from "../../platform/db";
import { Invalid, NotFound } from "../../platform/errors";
import { tellNews } from "../../platform/live/relay";
import { bodyOf, sendBlob } from "../door/http";
import { requireRoom } from "./attempt";
import type { Caller } from "./http";
import { checkedPath } from "./names";
import * as repo from "./repo";
import { filesJson, rootOf } from "./serialize";

const whose = ({ owner }: Caller): repo.Whose => ({ teamId: owner.teamId, runId: owner.runId });

/** What `<run>/artifacts/<path>` names: the path. @throws NotFound outside the attempt's own run */
export function ownPath({ owner }: Caller, address: string): string {
  const [runId, folder, ...path] = checkedPath(address).split("/");
  if (runId !== owner.runId || (folder !== undefined && folder !== "artifacts")) {
    throw new NotFound(`There are no artifacts at ${address.slice(0, 200)} for this run.`);
  }
  return path.join("/");
}

/** A folder as the artifact service lists it: names without their folder. */
export async function listFolder(caller: Caller, path: string) {
  return { files: filesJson("", await repo.folderOf(caller.db, whose(caller), checkedPath(path))) };
}

/** A folder as the tracking API lists it: paths from the run's root, or from `root` within it. */
export async function listArtifacts(caller: Caller, path: string, root = "") {
  const folder = checkedPath(path);
  const within = [root, folder].filter((part) => part !== "").join("/");
  return {
    root_uri: [rootOf(caller.owner.runId), root].filter((part) => part !== "").join("/"),
    files: filesJson(folder, await repo.folderOf(caller.db, whose(caller), within)),
  };
}

/** Stores the body under a path, over what was there. @throws Invalid for a path that is a file and a folder at once */
export async function storeArtifact(caller: Caller, path: string, request: Request): Promise<void> {
  const of = whose(caller);
  if (path === "") throw new Invalid("Invalid path: a file needs a name.");
  // Before the bytes are read, and again where nobody can come between.
  await requireNoClash(caller.db, of, path);
  const found = await storeStream(bodyOf(request), { maxBytes: config().modelMaxBytes * 4 });
  await caller.db.transaction(async (tx) => {
    await repo.lockArtifacts(tx, of);
    await requireNoClash(tx, of, path);
    await registerBlob(tx, of.teamId, found);
    await repo.putArtifact(tx, of, { path, ...found });
    await requireRoom(tx, of, "artifacts");
  });
  tellNews(of.runId, "tracked");
}

async function requireNoClash(db: Db, of: repo.Whose, path: string): Promise<void> {
  const clash = await repo.clashOf(db, of, path);
  if (clash) throw new Invalid(`Invalid path: ${path} can't be stored beside ${clash}.`);
}

/** @throws NotFound */
export async function deleteArtifacts(caller: Caller, path: string): Promise<void> {
  const of = whose(caller);
  if (path === "" || (await repo.dropArtifacts(caller.db, of, path)) === 0) throw notThere(path);
  tellNews(of.runId, "tracked");
}

/** @throws NotFound */
export async function findArtifact(db: Db, of: repo.Whose, path: string) {
  const file = await repo.findArtifact(db, of, path);
  if (!file) throw notThere(path);
  return file;
}

/** The bytes of an artifact, to be saved and never shown in place: a script wrote them. @throws NotFound */
export async function sendArtifact(db: Db, of: repo.Whose, path: string): Promise<Response> {
  const file = await findArtifact(db, of, path);
  const response = await sendBlob(db, of, file.sha256);
  const name = encodeURIComponent(path.split("/").at(-1) ?? "").replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  response.headers.set("content-disposition", `attachment; filename*=UTF-8''${name}`);
  response.headers.set("x-content-type-options", "nosniff");
  return response;
}

const notThere = (path: string) => new NotFound(`There is no artifact ${path.slice(0, 200)} in this run.`);
