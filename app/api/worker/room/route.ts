import "@/server/wiring";
import { database } from "@/server/platform/db";
import { route } from "@/server/platform/http/route";
import { RoomRequest } from "@/server/runs/contract";
import { report } from "@/server/runs/door/http";
import { attemptOf } from "@/server/runs/door/owner";
import { reportRoom } from "@/server/runs/door/reports";

export const dynamic = "force-dynamic";
export const POST = route("worker", async ({ request }) => {
  const db = database();
  const owner = await attemptOf(db, request);
  return Response.json(await reportRoom(db, owner, await report(request, RoomRequest)));
});
