import { route } from "@/server/platform/http/route";
import {
  databaseAnswers,
  migrationsApplied,
  readiness,
  relayReads,
} from "@/server/platform/telemetry/readiness";

export const dynamic = "force-dynamic";
export const GET = route("public", async () => {
  const state = await readiness([databaseAnswers, migrationsApplied, relayReads]);
  return Response.json(state, { status: state.ready ? 200 : 503 });
});
