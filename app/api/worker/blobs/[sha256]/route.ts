import { Sha256 } from "@/server/platform/atoms";
import { database } from "@/server/platform/db";
import { route } from "@/server/platform/http/route";
import { sendBlob, takeBlob } from "@/server/runs/door/http";
import { attemptOf, ownerOf } from "@/server/runs/door/owner";

export const dynamic = "force-dynamic";

type Params = { sha256: string };

export const GET = route<Params>("worker", async ({ request, params }) => {
  const db = database();
  return sendBlob(db, await ownerOf(db, request), Sha256.parse(params.sha256));
});

export const PUT = route<Params>("worker", async ({ request, params }) => {
  const db = database();
  const owner = await attemptOf(db, request);
  return Response.json(await takeBlob(db, owner, Sha256.parse(params.sha256), request));
});
