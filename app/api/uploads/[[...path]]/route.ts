import { requestContext } from "@/server/identity/context";
import { route } from "@/server/platform/http/route";
import { handleUpload } from "@/server/platform/uploads/service";

/** Resumable uploads (tus 1.0). Which permission is asked depends on the purpose in the upload's metadata. */
const handler = route("signed_in", ({ request }) => handleUpload(request, requestContext));

export { handler as DELETE, handler as HEAD, handler as OPTIONS, handler as PATCH, handler as POST };
