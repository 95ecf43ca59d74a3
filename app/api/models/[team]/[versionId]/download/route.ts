import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { requestContext } from "@/server/identity/context";
import { openDownload } from "@/server/models/service";
import { route } from "@/server/platform/http/route";
import { teamContext } from "@/server/platform/ladder";

/** The ONNX file of a version, byte for byte; its name says which. */
export const GET = route<{ team: string; versionId: string }>("read", async ({ request, params }) => {
  const ctx = await teamContext(await requestContext(request.headers), params.team, "read");
  const file = await openDownload(ctx, params.versionId);
  return new Response(Readable.toWeb(createReadStream(file.path)) as ReadableStream, {
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(file.bytes),
      "content-disposition": `attachment; filename="${file.name}"`,
      etag: `"${file.sha256}"`,
      "x-content-type-options": "nosniff",
    },
  });
});
