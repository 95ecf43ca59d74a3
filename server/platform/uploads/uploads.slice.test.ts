import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { membership, team, user } from "../../../db/schema/identity";
import { teamBlob, upload } from "../../../db/schema/platform";
import { blobPath, incomingFolder } from "../blobs";
import { database, pool } from "../db";
import { newId } from "../ids";
import type { RequestContext } from "../ladder";
import type { Role } from "../permissions";
import { untilSomebodyWaits } from "../testing/locks";
import { createTestDatabase, type TestDatabase } from "../testing/postgres";
import { deleteUnfinished, lockUnfinished } from "./repo";
import { checkRoom, handleUpload, removeAbandoned, uploadFolder } from "./service";

let test: TestDatabase;
let home: string;
/** Who asks, and with which roles in which team: what a cookie would say. */
let asking: { personId: string; roles: Role[] } | null;
let teamId: string;

const identify = async (): Promise<RequestContext> => ({
  db: database(),
  requestId: "req_0000000000000000",
  person: asking && { id: asking.personId, name: "Ines", email: "ines@example.com" },
  display: async () => null,
  membership: async (slug) =>
    asking && slug === "ours" ? { teamId, teamSlug: "ours", teamName: "Ours", roles: asking.roles } : null,
});

beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-uploads-"));
  Object.assign(process.env, { DATABASE_URL: test.url, LATHE_HOME: home, LATHE_MODEL_MAX_MB: "1" });
  teamId = newId("team");
  await database().insert(team).values({ id: teamId, slug: "ours", name: "Ours" });
});
afterAll(async () => {
  await pool().end();
  await test.drop();
  await rm(home, { recursive: true, force: true });
});
beforeEach(async () => {
  asking = { personId: await makePerson(), roles: ["engineer"] };
});

async function makePerson(): Promise<string> {
  const id = newId("usr");
  await database()
    .insert(user)
    .values({ id, name: "Ines", email: `${id}@example.com` });
  await database()
    .insert(membership)
    .values({ teamId, userId: id, roles: ["engineer"] });
  return id;
}

const encode = (metadata: Record<string, string>) =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString("base64")}`)
    .join(",");

const send = (
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: Uint8Array<ArrayBuffer> | ReadableStream,
) =>
  handleUpload(
    new Request(`http://127.0.0.1:7400/api/uploads${path}`, {
      method,
      headers: { "tus-resumable": "1.0.0", host: "127.0.0.1:7400", ...headers },
      ...(body && { body, duplex: "half" }),
    }),
    identify,
  );

const create = (bytes: number, metadata: Record<string, string> = {}) =>
  send("POST", "", {
    "upload-length": String(bytes),
    "upload-metadata": encode({ team: "ours", purpose: "model", filename: "parcels.onnx", ...metadata }),
  });
const patch = (
  id: string,
  offset: number,
  body: Uint8Array<ArrayBuffer> | ReadableStream,
  length = body instanceof Uint8Array ? body.length : 0,
) =>
  send(
    "PATCH",
    `/${id}`,
    {
      "upload-offset": String(offset),
      "content-type": "application/offset+octet-stream",
      "content-length": String(length),
    },
    body,
  );
const idOf = (response: Response) => response.headers.get("location")?.split("/").at(-1) ?? "";
const row = async (id: string) => (await database().select().from(upload).where(eq(upload.id, id)))[0];

describe("an upload", () => {
  it("arrives in parts, is hashed from disk, and only then has a row that says so", async () => {
    const bytes = new Uint8Array(randomBytes(100_000));
    const id = idOf(await create(bytes.length));
    expect((await patch(id, 0, bytes.slice(0, 60_000))).headers.get("upload-offset")).toBe("60000");
    expect((await row(id))?.sha256).toBeNull();
    expect((await patch(id, 60_000, bytes.slice(60_000))).status).toBe(204);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect((await row(id))?.sha256).toBe(sha256);
    expect(Buffer.from(bytes).equals(await readFile(blobPath(sha256)))).toBe(true);
    expect(await readdir(uploadFolder())).toEqual([]);
    const owners = await database().select().from(teamBlob).where(eq(teamBlob.sha256, sha256));
    expect(owners.map((o) => o.teamId)).toEqual([teamId]);
  });

  it("tells where to go on, also after its last answer got lost", async () => {
    const bytes = new Uint8Array(randomBytes(1000));
    const id = idOf(await create(bytes.length));
    await patch(id, 0, bytes.slice(0, 400));
    expect((await send("HEAD", `/${id}`, {})).headers.get("upload-offset")).toBe("400");
    expect((await patch(id, 0, bytes.slice(0, 400))).status).toBe(409);
    await patch(id, 400, bytes.slice(400));
    expect((await send("HEAD", `/${id}`, {})).headers.get("upload-offset")).toBe("1000");
  });

  it("is forgotten when it is cancelled", async () => {
    const id = idOf(await create(1000));
    expect((await send("DELETE", `/${id}`, {})).status).toBe(204);
    expect(await row(id)).toBeUndefined();
    expect(await readdir(uploadFolder())).toEqual([]);
  });
});

describe("a refused upload", () => {
  const refusal = async (response: Response) => ({
    status: response.status,
    code: JSON.parse(await response.text()).error.code,
  });
  it.each([
    ["more than the limit", () => create(1_000_001), 400, "too_large"],
    ["nothing", () => create(0), 400, "empty_file"],
    ["a purpose nobody knows", () => create(10, { purpose: "weights" }), 400, "invalid"],
    ["a path for a name", () => create(10, { filename: "../../etc/passwd" }), 400, "invalid"],
    ["a team of others", () => create(10, { team: "theirs" }), 404, "not_found"],
  ])("says why: %s", async (_, act, status, code) => {
    expect(await refusal(await act())).toEqual({ status, code });
    expect(await readdir(uploadFolder())).toEqual([]);
  });

  it("says so when the disk has no room for it", async () => {
    await create(10);
    const limit = { kind: "limit", code: "disk_full" };
    await expect(checkRoom(1e18, "parcels.onnx")).rejects.toMatchObject(limit);
  });

  it("is refused to a role that may not, and to nobody", async () => {
    asking = { personId: asking?.personId ?? "", roles: ["viewer"] };
    expect(await refusal(await create(10))).toEqual({ status: 403, code: "missing_permission" });
    asking = null;
    expect(await refusal(await create(10))).toEqual({ status: 401, code: "unauthenticated" });
  });

  it("belongs to one person: others neither see, continue nor cancel it", async () => {
    const id = idOf(await create(1000));
    asking = { personId: await makePerson(), roles: ["engineer"] };
    expect((await send("HEAD", `/${id}`, {})).status).toBe(404);
    expect((await patch(id, 0, new Uint8Array(10))).status).toBe(404);
    expect((await send("DELETE", `/${id}`, {})).status).toBe(404);
    expect(await row(id)).toBeDefined();
  });

  it("does not finish once the right to upload is gone", async () => {
    const bytes = new Uint8Array(randomBytes(1000));
    const id = idOf(await create(bytes.length));
    await patch(id, 0, bytes.slice(0, 400));
    asking = { personId: asking?.personId ?? "", roles: ["viewer"] };
    expect((await patch(id, 400, bytes.slice(400))).status).toBe(403);
    expect((await row(id))?.finishedAt).toBeNull();
  });
});

describe("an abandoned upload", () => {
  const LONG_AGO = new Date(Date.now() - 25 * 3_600_000);
  const remove = () => removeAbandoned(database(), async () => {});
  const aged = async (...paths: string[]) => {
    for (const path of paths) await utimes(path, LONG_AGO, LONG_AGO);
  };
  const fileOf = (id: string) => join(uploadFolder(), id);
  const begin = async (bytes: number, sent: Uint8Array<ArrayBuffer>) => {
    const id = idOf(await create(bytes));
    await patch(id, 0, sent);
    return id;
  };
  const expectGone = async (response: Response) => {
    expect(response.status).toBe(404);
    expect(JSON.parse(await response.text()).error).toMatchObject({
      code: "not_found",
      message: expect.stringContaining("Send the file again."),
    });
  };

  it("goes with its row and files; a fresh one stays and is finished", async () => {
    const bytes = new Uint8Array(randomBytes(1000));
    const [old, fresh] = [await begin(1000, bytes.slice(0, 400)), await begin(1000, bytes.slice(0, 400))];
    // What was written once at the beginning says nothing of the last byte.
    await aged(fileOf(old), fileOf(`${old}.json`), fileOf(`${fresh}.json`));
    const lost = () => Promise.reject(new Error("the lease is lost"));
    await expect(removeAbandoned(database(), lost)).rejects.toThrow("the lease is lost");
    expect(await row(old)).toBeDefined();
    await remove();
    expect([await row(old), (await row(fresh))?.id]).toEqual([undefined, fresh]);
    const files = await readdir(uploadFolder());
    expect(files.filter((name) => name.startsWith(old))).toEqual([]);
    await expectGone(await patch(old, 400, bytes.slice(400)));
    expect((await patch(fresh, 400, bytes.slice(400))).status).toBe(204);
    expect((await row(fresh))?.finishedAt).not.toBeNull();
  });

  it("takes with it what a crash left: files without a row, a row without a file, half a stream", async () => {
    await mkdir(incomingFolder(), { recursive: true });
    const strays = [fileOf("tmp_copy"), fileOf("upl_0.json"), join(incomingFolder(), "tmp_half")];
    const kept = [fileOf("tmp_new"), join(incomingFolder(), "tmp_new")];
    for (const path of [...strays, ...kept]) await writeFile(path, "bytes");
    await aged(...strays);
    const [lost, begun] = [idOf(await create(10)), idOf(await create(10))];
    for (const id of [lost, begun]) await rm(fileOf(id));
    await database().update(upload).set({ createdAt: LONG_AGO }).where(eq(upload.id, lost));
    await remove();
    for (const path of strays) await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
    for (const path of kept) await rm(path);
    expect([await row(lost), (await row(begun))?.id]).toEqual([undefined, begun]);
  });

  it("stays when somebody goes on with it, be it at the last moment", async () => {
    const bytes = new Uint8Array(randomBytes(1000));
    const [asked, sent] = [await begin(1000, bytes.slice(0, 400)), await begin(1000, bytes.slice(0, 400))];
    await aged(fileOf(asked), fileOf(sent));
    expect((await send("HEAD", `/${asked}`, {})).headers.get("upload-offset")).toBe("400");
    // The fence is passed after a first look and before the lock: this part comes in between.
    await removeAbandoned(database(), async () => {
      if ((await stat(fileOf(sent))).size === 400) await patch(sent, 400, bytes.slice(400, 600));
    });
    for (const [id, offset] of [
      [asked, 400],
      [sent, 600],
    ] as const) {
      expect((await patch(id, offset, bytes.slice(offset))).status).toBe(204);
      expect((await row(id))?.finishedAt).not.toBeNull();
    }
  });

  it("takes no byte of a part that comes while it is removed", async () => {
    const id = await begin(1000, new Uint8Array(400));
    const { answer } = await database().transaction(async (tx) => {
      await lockUnfinished(tx, id);
      const answer = patch(id, 400, new Uint8Array(600));
      await untilSomebodyWaits(database());
      await deleteUnfinished(tx, id);
      return { answer };
    });
    await expectGone(await answer);
    expect((await stat(fileOf(id))).size).toBe(400);
  });

  it.each([
    ["in the middle", 1000],
    ["at its end", 600],
  ])("tells so to a part that stalled for as long, %s", async (_, total) => {
    const id = idOf(await create(total));
    let rest = () => {};
    const stalling = new ReadableStream({
      start(stream) {
        stream.enqueue(new Uint8Array(300));
        rest = () => {
          stream.enqueue(new Uint8Array(300));
          stream.close();
        };
      },
    });
    const answer = patch(id, 0, stalling, 600);
    await expect.poll(async () => (await stat(fileOf(id))).size, { timeout: 10_000 }).toBe(300);
    await aged(fileOf(id));
    await remove();
    rest();
    await expectGone(await answer);
    expect(await row(id)).toBeUndefined();
  });
});
