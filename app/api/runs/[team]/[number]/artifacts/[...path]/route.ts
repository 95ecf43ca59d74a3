import { z } from "zod";
import { requestContext } from "@/server/identity/context";
import { route } from "@/server/platform/http/route";
import { teamContext } from "@/server/platform/ladder";
import { decoded } from "@/server/runs/tracking/http";
import { openArtifact } from "@/server/runs/tracking/service";

const RunNumber = z.coerce.number().int().positive();

/** A file that a run kept, byte for byte. Its path is read from the address as it was sent. */
export const GET = route<{ team: string; number: string; path: string[] }>(
  "read",
  async ({ request, params }) => {
    const ctx = await teamContext(await requestContext(request.headers), params.team, "read");
    const path = new URL(request.url).pathname.split("/").slice(6).join("/");
    return openArtifact(ctx, RunNumber.parse(params.number), decoded(path));
  },
);
