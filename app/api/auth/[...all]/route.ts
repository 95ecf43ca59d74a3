import { auth } from "@/server/identity/auth";
import { route } from "@/server/platform/http/route";

const handler = route("public", ({ request }) => auth().handler(request));

export { handler as GET, handler as POST };
