import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { membership, team, user } from "../../../db/schema/identity";
import { teamBlob, upload } from "../../../db/schema/platform";
import { blobPath } from "../blobs";
import { database, pool } from "../db";
import { newId } from "../ids";
import type { RequestContext } from "../ladder";
import type { Role } from "../permissions";
import { createTestDatabase, type TestDatabase } from "../testing/postgres";
import { handleUpload, uploadFolder } from "./service";

let test: TestDatabase;
let home: string;
/** Who asks, and with which roles in which team: what a cookie would say. */
let asking: { personId: string; roles: Role[] } | null;
let teamId: string;

const identify = async (): Promise<RequestContext> => ({
  db: database(),
  requestId: "req_0000000000000000",
  person: asking && { id: asking.personId, name: "Ines", email: "ines@example.com" },
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
  body?: Uint8Array<ArrayBuffer>,
) =>
  handleUpload(
    new Request(`http://127.0.0.1:7400/api/uploads${path}`, {
      method,
      headers: { "tus-resumable": "1.0.0", host: "127.0.0.1:7400", ...headers },
      ...(body && { body }),
    }),
    identify,
  );

const create = (bytes: number, metadata: Record<string, string> = {}) =>
  send("POST", "", {
    "upload-length": String(bytes),
    "upload-metadata": encode({ team: "ours", purpose: "model", filename: "parcels.onnx", ...metadata }),
  });
const patch = (id: string, offset: number, body: Uint8Array<ArrayBuffer>) =>
  send(
    "PATCH",
    `/${id}`,
    {
      "upload-offset": String(offset),
      "content-type": "application/offset+octet-stream",
      "content-length": String(body.length),
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
