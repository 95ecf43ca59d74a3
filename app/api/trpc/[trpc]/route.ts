import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { requestContext } from "@/server/identity/context";
import { refuseForeignOrigin } from "@/server/platform/http/origin";
import { route } from "@/server/platform/http/route";
import { appRouter } from "@/server/router";

/** Each procedure authorises itself; here only what a browser of another site could send is refused. */
const handler = route("public", async ({ request }) => {
  refuseForeignOrigin(request);
  return fetchRequestHandler({
    endpoint: "/api/trpc",
    req: request,
    router: appRouter,
    createContext: () => requestContext(request.headers),
    maxBatchSize: 20,
  });
});

export { handler as GET, handler as POST };
